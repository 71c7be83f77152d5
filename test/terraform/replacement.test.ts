import { type Fleet, startFleet } from "@sluice/local/fleet";
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, it } from "vitest";
import { callApi } from "../support/tenant-api.js";
import { databaseOf, providerBlock } from "./sample-configuration.js";
import { actionsOf, TerraformFolder } from "./terraform-folder.js";
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

  const left = async (): Promise<unknown> => {
    const { users, banned_at: bannedAt } = await stored("/api/tenants/m");
    return [users.map(({ db_user: user }) => user), bannedAt];
  };

  it.each([
    ["by -replace", "-replace=sluice_tenant.m"],
    ["by -replace, with a state that is not refreshed", "-replace=sluice_tenant.m", "-refresh=false"],
    ["because it is tainted"],
  ])("takes with it what is the tenant's, %s, in one apply", async (_title, ...args) => {
    folder.configure(bare("") + around(""));
    await folder.apply();
    const { id } = await stored("/api/tenants/m");
    if (args.length === 0) await folder.ok("taint", "sluice_tenant.m");
    const REPLACED = "delete,create";
    expect(actionsOf(await folder.plan(...args))).toEqual({
      "sluice_cluster.m": REPLACED,
      "sluice_tenant.m": REPLACED,
      "sluice_tenant_ban.m": REPLACED,
      "sluice_tenant_user.m": REPLACED,
    });
    await folder.ok("apply", "-input=false", "the.plan");
    expect((await stored("/api/tenants/m")).id).not.toBe(id);
    expect(await left()).toEqual([["app"], expect.any(String)]);
    await stored("/api/clusters/around");
    expect(await folder.planIsEmpty()).toBe(true);
  });

  it("stays, and so does a cluster with create_before_destroy that names it; the next apply brings its users", async () => {
    const cluster = around("").replace("members =", `${FIRST}\n  members =`);
    folder.configure(bare("") + cluster);
    await folder.apply();
    const before = [(await stored("/api/tenants/m")).id, (await stored("/api/clusters/around")).id];
    const refused = await folder.fails("apply", "-auto-approve", ...replace("sluice_tenant.m"));
    expect(refused).toContain('There is a tenant "m" already');
    await folder.apply();
    const after = [(await stored("/api/tenants/m")).id, (await stored("/api/clusters/around")).id];
    expect(after).toEqual(before);
    expect(await left()).toEqual([["app"], expect.any(String)]);
    expect(await folder.planIsEmpty()).toBe(true);
  });

  it("by somebody else, between plan and apply, is not taken for the tenant that was planned with", async () => {
    const user = around("").slice(0, around("").indexOf('resource "sluice_tenant_ban"'));
    folder.configure(bare("") + user);
    await folder.apply();
    folder.configure(bare("") + user.replace("pool_size = 1", "pool_size = 2"));
    await folder.ok("plan", "-out=the.plan");
    await callApi(fleet, "DELETE", "/api/tenants/m");
    const role = { db_user: "app", db_password: "p", pool_size: 1 };
    const database = { db_host: "localhost", db_port: postgres.port, db_database: "postgres" };
    await callApi(fleet, "PUT", "/api/tenants/m", {
      tenant: { ...database, require_user: true, users: [role] },
    });
    expect(await folder.fails("apply", "the.plan")).toContain("Its tenant was deleted and made anew");
    await folder.apply();
    expect(await folder.planIsEmpty()).toBe(true);
  });

  it("leaves alone what is of other tenants, and what is the tenant's when the tenant only changes", async () => {
    const other = bare("")
      .replace(/provider "sluice" \{[^}]*\}/, "")
      .replaceAll('"m"', '"other"');
    folder.configure(bare("") + around("") + other);
    await folder.apply();
    expect(actionsOf(await folder.plan("-replace=sluice_tenant.other"))).toEqual({
      "sluice_tenant.other": "delete,create",
    });
    folder.configure(bare("default_pool_size = 3") + around("") + other);
    expect(actionsOf(await folder.plan())).toEqual({ "sluice_tenant.m": "update" });
    await folder.apply();
    expect(await folder.planIsEmpty()).toBe(true);
  });

  it("is made anew without create_before_destroy: user, ban and cluster", async () => {
    folder.configure(bare("") + around(""));
    await folder.apply();
    const { id } = await stored("/api/clusters/around");
    await folder.apply(...replace("sluice_tenant_user.m", "sluice_tenant_ban.m", "sluice_cluster.m"));
    expect((await stored("/api/clusters/around")).id).not.toBe(id);
    expect(await left()).toEqual([["app"], expect.any(String)]);
    expect(await folder.planIsEmpty()).toBe(true);
  });
});
