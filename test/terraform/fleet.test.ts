import { type Fleet, startFleet } from "@sluice/local/fleet";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { connectTo } from "../support/tenant-api.js";
import { listedTenant, managedTenant, providerBlock } from "./sample-configuration.js";
import { TerraformFolder } from "./terraform-folder.js";
import { describeTerraform } from "./terraform-run.js";

describeTerraform("the fleet in Terraform", () => {
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

  const login = { password: postgres.password };
  const WAITING = "wait_for_fleet = true";

  it("has a tenant on every data plane when an apply with wait_for_fleet is done", async () => {
    folder.configure(
      `${providerBlock(fleet)}${managedTenant(postgres, "waited", WAITING)}
output "acked" {
  value = sluice_tenant.waited.acked
}
`,
    );
    await folder.apply();
    // At once: there is nothing to wait for any more.
    await (await connectTo(fleet, "waited", login)).end();
    expect(await folder.outputs()).toEqual({ acked: true });
    expect(await folder.planIsEmpty()).toBe(true);
  });

  it("no longer has it when a destroy is done", async () => {
    await folder.ok("destroy", "-auto-approve");
    await expect(connectTo(fleet, "waited", login)).rejects.toMatchObject({ code: "28000" });
  });

  it("is waited for by a data source, so that what depends on it comes after", async () => {
    const source = `
data "sluice_fleet" "here" {
  region     = one(toset(data.sluice_fleet.all.data_planes[*].region))
  generation = sluice_tenant_user.before.generation
  at_least   = 1
}
data "sluice_fleet" "all" {}
resource "terraform_data" "login" {
  input = data.sluice_fleet.here.data_planes[0].acked_generation >= sluice_tenant_user.before.generation
}
output "held" {
  value = terraform_data.login.output
}
output "statuses" {
  value = data.sluice_fleet.all.data_planes[*].status
}
`;
    folder.configure(providerBlock(fleet) + listedTenant(postgres, "before") + source);
    await folder.apply();
    await (await connectTo(fleet, "before", login)).end();
    expect((await folder.outputs()).held).toBe(true);
    expect((await folder.outputs()).statuses).toHaveLength(1);
    expect(await folder.planIsEmpty()).toBe(true);
  });

  it("that does not have enough data planes is named, and what depends on it is not made", async () => {
    const source = `
data "sluice_fleet" "many" {
  at_least = 5
  timeout  = "1s"
}`;
    folder.configure(providerBlock(fleet) + listedTenant(postgres, "before") + source);
    expect(await folder.fails("plan")).toContain("Not within 1s: 1 of 5 data planes are there.");
    folder.configure(providerBlock(fleet) + listedTenant(postgres, "before"));
    await folder.apply();
  });

  it("whose data plane is away fails the wait, names it, and keeps what was made", async () => {
    await fleet.dataPlane.stop();
    const patient = `${WAITING}\n  timeouts {\n    create = "1s"\n    update = "1s"\n  }`;
    const configuration = providerBlock(fleet) + listedTenant(postgres, "before", patient);
    folder.configure(configuration);
    // Nothing of the tenant changes, so all that is to be waited for has been taken already.
    await folder.apply();
    folder.configure(configuration.replace(WAITING, `${WAITING}\n  default_pool_size = 3`));
    const refused = await folder.fails("apply", "-auto-approve");
    expect(refused).toContain('Not all data planes have the tenant "before" yet');
    expect(refused).toMatch(/have not taken generation \d+: [\w-]+\/[\w-]+\./);
    expect(await folder.planIsEmpty()).toBe(true);

    folder.configure(
      `${configuration}${managedTenant(postgres, "new", patient)}`.replace(
        WAITING,
        `${WAITING}\n  default_pool_size = 3`,
      ),
    );
    expect(await folder.fails("apply", "-auto-approve")).toContain("terraform untaint");
    expect(await folder.ok("state", "list")).toContain("sluice_tenant.new");

    await fleet.dataPlane.start();
    await folder.ok("untaint", "sluice_tenant.new");
    expect(await folder.planIsEmpty()).toBe(true);
    await folder.ok("destroy", "-auto-approve");
  });
});
