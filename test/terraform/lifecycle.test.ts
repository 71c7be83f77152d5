import { type Fleet, startFleet } from "@sluice/local/fleet";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { TestCa } from "../support/certificates.js";
import { eventually } from "../support/eventually.js";
import { callApi, connectTo, served } from "../support/tenant-api.js";
import { psql } from "../support/tools.js";
import { listedTenant, managedTenant, providerBlock } from "./sample-configuration.js";
import { actionsOf, TerraformFolder } from "./terraform-folder.js";
import { describeTerraform } from "./terraform-run.js";

describeTerraform("tenants, users, clusters and bans in Terraform", () => {
  const postgres = inject("postgres");
  let fleet: Fleet;
  let folder: TerraformFolder;

  beforeAll(async () => {
    fleet = await startFleet({ postgres });
    folder = await TerraformFolder.make("attached");
  });
  afterAll(async () => {
    folder?.remove();
    await fleet?.stop();
  });

  const shown = async (path: string): Promise<Record<string, unknown>> =>
    ((await (await callApi(fleet, "GET", path)).json()) as { data: Record<string, unknown> }).data;
  const CLUSTER = `
resource "sluice_cluster" "both" {
  alias = "both"
  members = [
    { tenant = sluice_tenant.asked.external_id, type = "write" },
    { tenant = sluice_tenant.listed.external_id, type = "read", active = false },
  ]
}
`;
  /** What holds for the cluster, Terraform extends to its tenants. */
  const FIRST = CLUSTER.replace("members", "lifecycle {\n    create_before_destroy = true\n  }\n  members");
  const LOOKED_AT = `
data "sluice_tenant" "asked" {
  external_id = sluice_tenant.asked.external_id
}
data "sluice_cluster" "both" {
  alias = sluice_cluster.both.alias
}
data "sluice_tenants" "here" {
  db_host    = "localhost"
  depends_on = [sluice_cluster.both, sluice_tenant_user.listed]
}
output "uris" {
  value = [sluice_tenant.asked.pooler_uri, sluice_tenant_user.listed.pooler_uri]
}
output "tenants" {
  value = data.sluice_tenants.here.external_ids
}
output "users" {
  value = [for tenant in data.sluice_tenants.here.tenants : tenant.users[*].db_user]
}
output "manager" {
  value = data.sluice_tenant.asked.users[0].is_manager
}
output "members" {
  value = data.sluice_cluster.both.members
}
`;
  const all = (asked = "", listed = "", more = ""): string =>
    providerBlock(fleet) +
    managedTenant(postgres, "asked", asked) +
    listedTenant(postgres, "listed", listed) +
    CLUSTER +
    LOOKED_AT +
    more;

  it("are planned, made, and then as planned: the next plan is empty", async () => {
    folder.configure(all());
    await folder.ok("validate");
    expect(actionsOf(await folder.plan())).toEqual({
      "data.sluice_cluster.both": "read",
      "data.sluice_tenants.here": "read",
      "data.sluice_tenant.asked": "read",
      "sluice_cluster.both": "create",
      "sluice_tenant.asked": "create",
      "sluice_tenant.listed": "create",
      "sluice_tenant_user.listed": "create",
    });
    await folder.ok("apply", "-input=false", "the.plan");
    expect(await folder.planIsEmpty()).toBe(true);
    expect(await shown("/api/tenants/listed")).toMatchObject({ db_port: postgres.port, require_user: true });
  });

  it("serve psql by the URIs that they give, in both modes", async () => {
    const { uris } = (await folder.outputs()) as { uris: { transaction: string; session: string }[] };
    const env = { PGPASSWORD: postgres.password, PGUSER: postgres.user };
    for (const uri of uris.flatMap(({ transaction, session }) => [transaction, session])) {
      const { stdout } = await eventually(`${uri} is served`, async () => {
        const outcome = await psql(uri, "select 40 + 2", { env });
        return outcome.code === 0 ? outcome : undefined;
      });
      expect(stdout).toBe("42\n");
    }
  });

  it("are looked up by data sources", async () => {
    expect(await folder.outputs()).toMatchObject({
      tenants: ["asked", "listed"],
      users: [[postgres.user], [postgres.user]],
      manager: true,
      members: [
        { tenant: "asked", type: "write", active: true },
        { tenant: "listed", type: "read", active: false },
      ],
    });
  });

  it("change in place, and nothing else changes", async () => {
    const before = await shown("/api/tenants/listed");
    folder.configure(all('default_pool_size = 7\n  allow_list = ["10.0.0.0/8", "127.0.0.0/8", "::1/128"]'));
    expect(actionsOf(await folder.plan())).toMatchObject({ "sluice_tenant.asked": "update" });
    await folder.ok("apply", "-input=false", "the.plan");
    expect(await shown("/api/tenants/asked")).toMatchObject({
      default_pool_size: 7,
      allow_list: ["10.0.0.0/8", "127.0.0.0/8", "::1/128"],
    });
    expect(await shown("/api/tenants/listed")).toEqual(before);
    expect(await folder.planIsEmpty()).toBe(true);
    folder.configure(all());
    await folder.apply();
    expect(await shown("/api/tenants/asked")).toMatchObject({ default_pool_size: 15 });
  });

  it("show what was changed outside, and change it back", async () => {
    await callApi(fleet, "PUT", "/api/tenants/asked", {
      tenant: { default_pool_size: 99, sni_hostname: "x.test" },
    });
    await callApi(fleet, "PUT", `/api/tenants/listed/users/${postgres.user}`, { user: { pool_size: 1 } });
    const members = [{ tenant_external_id: "asked", type: "write", active: true }];
    await callApi(fleet, "PUT", "/api/clusters/both", { cluster: { cluster_tenants: members } });
    const plan = await folder.plan();
    expect(actionsOf(plan)).toMatchObject({
      "sluice_cluster.both": "update",
      "sluice_tenant.asked": "update",
      "sluice_tenant_user.listed": "update",
    });
    const tenant = plan.resource_changes?.find(({ address }) => address === "sluice_tenant.asked")?.change;
    expect(tenant?.before).toMatchObject({ default_pool_size: 99, sni_hostname: "x.test" });
    expect(tenant?.after).toMatchObject({ default_pool_size: 15, sni_hostname: null });
    await folder.ok("apply", "-input=false", "the.plan");
    expect(await shown("/api/tenants/asked")).toMatchObject({ default_pool_size: 15, sni_hostname: null });
    expect(await folder.planIsEmpty()).toBe(true);
  });

  it("show a CA that is not in the configuration, by its fingerprint, and take it away", async () => {
    const [own, foreign] = [await TestCa.make("Own"), await TestCa.make("Foreign")];
    const secured = (more = ""): string => `${providerBlock(fleet)}
resource "sluice_tenant" "secured" {
  external_id  = "secured"
  db_host      = "localhost"
  db_port      = ${postgres.port}
  db_database  = "postgres"
  require_user = true
  upstream_ssl = true
  ${more}
}
`;
    const setElsewhere = () =>
      callApi(fleet, "PUT", "/api/tenants/secured", { tenant: { upstream_tls_ca: foreign.cert } });
    const fingerprint = async (): Promise<unknown> =>
      (await shown("/api/tenants/secured")).upstream_tls_ca_fingerprint;
    const other = await TerraformFolder.make("attached");
    try {
      other.configure(secured());
      await other.apply();
      await setElsewhere();
      const plan = await other.plan();
      expect(actionsOf(plan)).toEqual({ "sluice_tenant.secured": "update" });
      expect(plan.resource_changes?.[0]?.change).toMatchObject({
        before: { upstream_tls_ca_fingerprint: expect.any(String) },
        after: { upstream_tls_ca_fingerprint: null },
      });
      await other.ok("apply", "-input=false", "the.plan");
      expect(await fingerprint()).toBeNull();

      other.configure(secured("default_pool_size = 4"));
      await other.ok("plan", "-out=the.plan");
      await setElsewhere();
      expect(await other.fails("apply", "the.plan")).toContain("changed upstream_tls_ca_fingerprint");
      await other.apply();
      expect([await fingerprint(), await other.planIsEmpty()]).toEqual([null, true]);

      await setElsewhere();
      await other.ok("state", "rm", "sluice_tenant.secured");
      await other.ok("import", "sluice_tenant.secured", "secured");
      expect(await other.apply()).toContain("0 added, 1 changed");
      expect([await fingerprint(), await other.planIsEmpty()]).toEqual([null, true]);

      other.write("ca.pem", own.cert);
      other.configure(secured('upstream_tls_ca = file("ca.pem")'));
      await other.apply();
      const before = await fingerprint();
      expect([before, await other.planIsEmpty()]).toEqual([expect.any(String), true]);
      await setElsewhere();
      await other.apply();
      expect([await fingerprint(), await other.planIsEmpty()]).toEqual([before, true]);
    } finally {
      await other.ok("destroy", "-auto-approve");
      other.remove();
    }
  });

  it("are made again when somebody has deleted them", async () => {
    await callApi(fleet, "DELETE", `/api/tenants/listed/users/${postgres.user}`);
    expect(actionsOf(await folder.plan())).toMatchObject({ "sluice_tenant_user.listed": "create" });
    await folder.ok("apply", "-input=false", "the.plan");
    await served(fleet, "listed", { password: postgres.password });
  });

  it("ban a tenant and lift the ban again", async () => {
    const ban = `
resource "sluice_tenant_ban" "asked" {
  tenant = sluice_tenant.asked.external_id
  reason = "the invoice is not paid"
  until  = "2199-01-01T01:00:00+01:00"
}
`;
    folder.configure(all("", "", ban));
    await folder.apply();
    expect(await folder.planIsEmpty()).toBe(true);
    const refused = await eventually("the ban is in force", () =>
      connectTo(fleet, "asked", { password: postgres.password }).then(
        () => undefined,
        (error: unknown) => String(error),
      ),
    );
    expect(refused).toContain("the invoice is not paid");
    folder.configure(all("", "", ban.replace("not paid", "long overdue")));
    await folder.apply();
    expect(await shown("/api/tenants/asked")).toMatchObject({
      ban_reason: "the invoice is long overdue",
      banned_until: "2199-01-01T00:00:00.000Z",
    });
    await callApi(fleet, "PATCH", "/api/tenants/asked", { banned: false });
    expect(actionsOf(await folder.plan())).toMatchObject({ "sluice_tenant_ban.asked": "create" });
    await folder.apply();
    folder.configure(all());
    await folder.apply();
    expect(await shown("/api/tenants/asked")).toMatchObject({ banned_at: null });
    await served(fleet, "asked", { password: postgres.password });
  });

  it("are replaced by another name, while a cluster names them", async () => {
    const first = all().replace(CLUSTER, FIRST);
    folder.configure(first);
    await folder.apply();
    folder.configure(first.replaceAll('external_id  = "listed"', 'external_id  = "renamed"'));
    expect(actionsOf(await folder.plan())).toMatchObject({
      "sluice_cluster.both": "update",
      "sluice_tenant.listed": "create,delete",
      "sluice_tenant_user.listed": "delete,create",
    });
    await folder.ok("apply", "-input=false", "the.plan");
    // The list of tenants was read while both were there; of things there is nothing to do.
    expect(actionsOf(await folder.plan())).toEqual({});
    expect((await callApi(fleet, "GET", "/api/tenants/listed")).status).toBe(404);
    await served(fleet, "renamed", { password: postgres.password });
    folder.configure(first);
    await folder.apply();
  });

  it("say why a tenant that a cluster names cannot be deleted, and are as they were", async () => {
    folder.configure(all().replaceAll('external_id  = "listed"', 'external_id  = "renamed"'));
    const refused = await folder.fails("apply", "-auto-approve");
    expect(refused).toContain('Could not delete the tenant "listed"');
    expect(refused).toContain("create_before_destroy");
    expect((await callApi(fleet, "GET", "/api/tenants/listed")).status).toBe(200);
    folder.configure(all());
    await folder.apply();
    expect(await folder.planIsEmpty()).toBe(true);
  });

  it("leave a cluster before their tenant is deleted", async () => {
    // Written to the state: Terraform deletes such a thing after what refers to it has changed.
    folder.configure(all().replace(CLUSTER, FIRST));
    await folder.apply();
    const cluster = FIRST.replace(/.*listed.*\n/, "");
    folder.configure(providerBlock(fleet) + managedTenant(postgres, "asked") + cluster);
    await folder.apply();
    expect((await callApi(fleet, "GET", "/api/tenants/listed")).status).toBe(404);
    folder.configure(all());
    await folder.apply();
  });

  it("go from listed users to auth_query and back without being replaced", async () => {
    const turning = (body: string, user = ""): string =>
      `${providerBlock(fleet)}
resource "sluice_tenant" "turning" {
  external_id = "turning"
  db_host     = "localhost"
  db_port     = ${postgres.port}
  db_database = "postgres"
  ${body}
}
${user}`;
    const other = await TerraformFolder.make("attached");
    try {
      const user = `
resource "sluice_tenant_user" "turning" {
  tenant    = sluice_tenant.turning.external_id
  db_user   = "${postgres.user}"
  password  = "${postgres.password}"
  pool_size = 2
}`;
      other.configure(turning("require_user = true", user));
      await other.apply();
      const manager = `auth_query = "SELECT rolname, rolpassword FROM pg_authid WHERE rolname=$1"
  manager {
    db_user  = "${postgres.user}"
    password = "${postgres.password}"
  }`;
      other.configure(turning(manager));
      await other.apply();
      expect(await other.planIsEmpty()).toBe(true);
      await served(fleet, "turning", { password: postgres.password });
      other.configure(turning("require_user = true", user));
      await other.apply();
      expect(await other.planIsEmpty()).toBe(true);
      expect(await shown("/api/tenants/turning")).toMatchObject({
        users: [{ is_manager: false, pool_size: 2 }],
      });
      await other.ok("destroy", "-auto-approve");
    } finally {
      other.remove();
    }
  });

  it("are gone after destroy, and a second destroy has nothing to do", async () => {
    folder.configure(all());
    await folder.ok("destroy", "-auto-approve");
    for (const path of ["/api/tenants/asked", "/api/tenants/listed", "/api/clusters/both"]) {
      expect((await callApi(fleet, "GET", path)).status).toBe(404);
    }
    expect(await folder.ok("destroy", "-auto-approve")).toContain("0 destroyed");
  });
});
