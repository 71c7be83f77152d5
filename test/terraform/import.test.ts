import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Fleet, startFleet } from "@sluice/local/fleet";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { callApi, putTenant } from "../support/tenant-api.js";
import {
  AUTH_QUERY,
  databaseOf,
  listedTenant,
  managedTenant,
  providerBlock,
} from "./sample-configuration.js";
import { actionsOf, TerraformFolder } from "./terraform-folder.js";
import { describeTerraform } from "./terraform-run.js";

describeTerraform("what is there already, in Terraform", () => {
  const postgres = inject("postgres");
  let fleet: Fleet;
  let folder: TerraformFolder;

  beforeAll(async () => {
    fleet = await startFleet({ postgres });
    const database = { db_host: "localhost", db_port: postgres.port, db_database: "postgres" };
    const role = { db_user: postgres.user, db_password: postgres.password };
    const manager = { ...role, pool_size: 15, is_manager: true };
    await putTenant(fleet, "asked", { ...database, auth_query: AUTH_QUERY, users: [manager] });
    await putTenant(fleet, "listed", { ...database, require_user: true, users: [{ ...role, pool_size: 5 }] });
    await callApi(fleet, "PUT", "/api/clusters/both", {
      cluster: {
        active: true,
        cluster_tenants: [{ tenant_external_id: "asked", type: "write", active: true }],
      },
    });
    await callApi(fleet, "PATCH", "/api/tenants/listed", { banned: true, ban_reason: "unpaid" });
  });
  afterAll(async () => {
    await fleet?.stop();
  });

  const REST = `
resource "sluice_cluster" "both" {
  alias   = "both"
  members = [{ tenant = sluice_tenant.asked.external_id, type = "write" }]
}
resource "sluice_tenant_ban" "listed" {
  tenant = sluice_tenant.listed.external_id
  reason = "unpaid"
}
`;
  const configuration = (): string =>
    providerBlock(fleet) + managedTenant(postgres, "asked") + listedTenant(postgres, "listed") + REST;
  const generation = async (): Promise<unknown> => {
    const answer = await callApi(fleet, "GET", "/api/audit?limit=1");
    return ((await answer.json()) as { data: { generation: unknown }[] }).data[0]?.generation;
  };
  const IDS = {
    "sluice_tenant.asked": "asked",
    "sluice_tenant.listed": "listed",
    "sluice_tenant_user.listed": `listed/${postgres.user}`,
    "sluice_cluster.both": "both",
    "sluice_tenant_ban.listed": "listed",
  };

  it("is taken over by the command: only passwords are sent, and nothing is published", async () => {
    folder = await TerraformFolder.make("attached");
    folder.configure(configuration());
    for (const [address, id] of Object.entries(IDS)) await folder.ok("import", address, id);
    const before = await generation();
    expect(actionsOf(await folder.plan())).toEqual({
      "sluice_tenant.asked": "update",
      "sluice_tenant_user.listed": "update",
    });
    await folder.ok("apply", "-input=false", "the.plan");
    expect(await generation()).toBe(before);
    expect(await folder.planIsEmpty()).toBe(true);
    folder.remove();
  });

  it("is taken over by blocks, in the plan", async () => {
    folder = await TerraformFolder.make("attached");
    const blocks = Object.entries(IDS).map(([to, id]) => `import {\n  to = ${to}\n  id = "${id}"\n}\n`);
    folder.configure(configuration() + blocks.join(""));
    const before = await generation();
    expect(await folder.apply()).toContain("5 imported, 0 added, 2 changed, 0 destroyed");
    expect(await generation()).toBe(before);
    expect(await folder.planIsEmpty()).toBe(true);
    folder.remove();
  });

  it("writes its own configuration, which is then as it is", async () => {
    folder = await TerraformFolder.make("attached");
    folder.configure(`${providerBlock(fleet)}
import {
  to = sluice_cluster.both
  id = "both"
}
import {
  to = sluice_tenant_ban.listed
  id = "listed"
}
`);
    await folder.ok("plan", "-generate-config-out=generated.tf");
    expect(readFileSync(join(folder.folder, "generated.tf"), "utf8")).toMatch(/reason\s+= "unpaid"/);
    await folder.ok("fmt", "-check", "generated.tf");
    expect(await folder.apply()).toContain("2 imported, 0 added, 0 changed, 0 destroyed");
    expect(await folder.planIsEmpty()).toBe(true);
    folder.remove();
  });

  it("has to be there", async () => {
    folder = await TerraformFolder.make("attached");
    folder.configure(configuration());
    const wrong = {
      "sluice_tenant.asked": "nobody",
      "sluice_tenant_user.listed": "listed/nobody",
      "sluice_cluster.both": "none",
      "sluice_tenant_ban.listed": "asked",
    };
    for (const [address, id] of Object.entries(wrong)) {
      expect(await folder.fails("import", address, id)).toMatch(/There is no such (tenant|user|cluster|ban)/);
    }
    expect(await folder.fails("import", "sluice_tenant_user.listed", "listed")).toContain("tenant/db_user");
    folder.remove();
  });

  it("is not overwritten by a configuration that makes something else of the name", async () => {
    folder = await TerraformFolder.make("attached");
    folder.configure(
      `${providerBlock(fleet)}
resource "sluice_tenant" "listed" {
  external_id       = "listed"
  ${databaseOf(postgres)}
  require_user      = true
  default_pool_size = 77
}
`,
    );
    const refused = await folder.fails("apply", "-auto-approve");
    expect(refused).toContain('There is a tenant "listed" already');
    expect(refused).toContain("terraform import sluice_tenant.NAME listed");
    const { data } = (await (await callApi(fleet, "GET", "/api/tenants/listed")).json()) as {
      data: { default_pool_size: number; users: unknown[] };
    };
    expect([data.default_pool_size, data.users.length]).toEqual([15, 1]);
    folder.remove();
  });
});
