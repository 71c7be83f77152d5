import { type Fleet, startFleet } from "@sluice/local/fleet";
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, it } from "vitest";
import { callApi } from "../support/tenant-api.js";
import { databaseOf, providerBlock } from "./sample-configuration.js";
import { TerraformFolder } from "./terraform-folder.js";
import { describeTerraform } from "./terraform-run.js";

describeTerraform("what Terraform makes anew under its name", () => {
  const postgres = inject("postgres");
  let fleet: Fleet;
  let folder: TerraformFolder;

  beforeAll(async () => {
    fleet = await startFleet({ postgres });
  });
  afterAll(() => fleet?.stop());
  beforeEach(async () => {
    folder = await TerraformFolder.make("attached");
  });
  afterEach(async () => {
    await folder.ok("destroy", "-auto-approve");
    folder.remove();
  });

  interface Shown {
    readonly id: string;
    readonly users: readonly { readonly db_user: string }[];
    readonly banned_at: string | null;
  }
  const stored = async (path: string): Promise<Shown> => {
    const answer = await callApi(fleet, "GET", path);
    expect(answer.status, path).toBe(200);
    return ((await answer.json()) as { data: Shown }).data;
  };
  const replace = (...addresses: readonly string[]): readonly string[] =>
    addresses.map((address) => `-replace=${address}`);

  const FIRST = "lifecycle {\n    create_before_destroy = true\n  }";
  const bare = (more: string): string => `${providerBlock(fleet)}
resource "sluice_tenant" "m" {
  external_id  = "m"
  ${databaseOf(postgres)}
  require_user = true
  ${more}
}
`;
  const around = (more: string): string => `
resource "sluice_tenant_user" "m" {
  tenant    = sluice_tenant.m.external_id
  db_user   = "app"
  password  = "p"
  pool_size = 1
  ${more}
}
resource "sluice_tenant_ban" "m" {
  tenant = sluice_tenant.m.external_id
  reason = "unpaid"
  ${more}
}
resource "sluice_cluster" "m" {
  alias   = "around"
  members = [{ tenant = sluice_tenant.m.external_id, type = "write" }]
  ${more}
}
`;

  it("is another tenant afterwards", async () => {
    folder.configure(bare(""));
    await folder.apply();
    const { id } = await stored("/api/tenants/m");
    expect(await folder.apply(...replace("sluice_tenant.m"))).toContain("1 added, 0 changed, 1 destroyed");
    expect((await stored("/api/tenants/m")).id).not.toBe(id);
    expect(await folder.planIsEmpty()).toBe(true);
  });

  it("is not the old tenant, which is to be deleted: with create_before_destroy it is refused", async () => {
    folder.configure(bare(FIRST));
    await folder.apply();
    const before = await stored("/api/tenants/m");
    const refused = await folder.fails("apply", "-auto-approve", ...replace("sluice_tenant.m"));
    expect(refused).toContain('There is a tenant "m" already');
    expect(refused).toContain("terraform import sluice_tenant.NAME m");
    expect(refused).toContain("take create_before_destroy out");
    expect(await stored("/api/tenants/m")).toEqual(before);
    expect(await folder.planIsEmpty()).toBe(true);
  });

  it("is refused with create_before_destroy for a tainted tenant too, which untaint keeps", async () => {
    folder.configure(bare(FIRST));
    await folder.apply();
    const before = await stored("/api/tenants/m");
    await folder.ok("taint", "sluice_tenant.m");
    expect(await folder.fails("apply", "-auto-approve")).toContain("terraform untaint");
    expect(await stored("/api/tenants/m")).toEqual(before);
    await folder.ok("untaint", "sluice_tenant.m");
    expect(await folder.planIsEmpty()).toBe(true);
  });

  it.each([
    ["sluice_tenant_user.m", 'There is a user "app" of tenant "m" already'],
    ["sluice_tenant_ban.m", "The tenant is banned already"],
    ["sluice_cluster.m", 'There is a cluster "around" already'],
  ])("is refused with create_before_destroy for %s, and is there as before", async (address, why) => {
    folder.configure(bare("") + around(FIRST));
    await folder.apply();
    const before = [await stored("/api/tenants/m"), await stored("/api/clusters/around")];
    const refused = await folder.fails("apply", "-auto-approve", ...replace(address));
    expect(refused).toContain(why);
    expect(refused).toContain(`terraform import ${address.replace(".m", ".NAME")} `);
    expect([await stored("/api/tenants/m"), await stored("/api/clusters/around")]).toEqual(before);
    expect(await folder.planIsEmpty()).toBe(true);
  });

  it("is made anew without create_before_destroy: user, ban and cluster", async () => {
    folder.configure(bare("") + around(""));
    await folder.apply();
    const { id } = await stored("/api/clusters/around");
    await folder.apply(...replace("sluice_tenant_user.m", "sluice_tenant_ban.m", "sluice_cluster.m"));
    expect((await stored("/api/clusters/around")).id).not.toBe(id);
    const { users, banned_at: bannedAt } = await stored("/api/tenants/m");
    expect([users.map(({ db_user: user }) => user), bannedAt]).toEqual([["app"], expect.any(String)]);
    expect(await folder.planIsEmpty()).toBe(true);
  });
});
