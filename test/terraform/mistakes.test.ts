import { type Fleet, startFleet } from "@sluice/local/fleet";
import { afterAll, beforeAll, beforeEach, expect, inject, it } from "vitest";
import { callApi } from "../support/tenant-api.js";
import { ApiInBetween } from "./api-in-between.js";
import { databaseOf, listedTenant, managedTenant, providerBlock } from "./sample-configuration.js";
import { TerraformFolder } from "./terraform-folder.js";
import { describeTerraform } from "./terraform-run.js";

describeTerraform("what goes wrong in Terraform", () => {
  const postgres = inject("postgres");
  let fleet: Fleet;
  let between: ApiInBetween;
  let folder: TerraformFolder;

  beforeAll(async () => {
    fleet = await startFleet({ postgres });
    between = await ApiInBetween.to(fleet.controlPlane.ports.http);
    folder = await TerraformFolder.make("attached");
  });
  afterAll(async () => {
    folder?.remove();
    await between?.stop();
    await fleet?.stop();
  });
  beforeEach(() => {
    between.meddle = () => undefined;
    between.seen.length = 0;
  });

  const through = (): string => providerBlock(fleet).replace(fleet.controlPlane.url, between.url);
  const tenant = (more: string): string => `${through()}
resource "sluice_tenant" "a" {
  external_id  = "a"
  ${databaseOf(postgres)}
  require_user = true
  ${more}
}
`;
  const stored = async (path: string): Promise<Record<string, unknown>> =>
    ((await (await callApi(fleet, "GET", path)).json()) as { data: Record<string, unknown> }).data;

  it.each([
    [
      "default_pool_size = 0",
      "default_pool_size must be a whole number from 1 to 10000",
      "default_pool_size = 0",
    ],
    ["default_pool_size = 1.5", "must be a whole number", "default_pool_size = 1.5"],
    ['ip_version = "v5"', 'must be "auto" or "v4" or "v6"', 'ip_version = "v5"'],
    ["regions = []", "leave it out for every region", "regions = []"],
    ['sni_hostname = ""', "must not be empty", 'sni_hostname = ""'],
    ['upstream_verify = "peer"', "needs upstream_ssl = true", 'upstream_verify = "peer"'],
    ['manager {\n    db_user = "m"\n    password = "p"\n  }', "A manager is not needed", 'db_user = "m"'],
    ['timeouts {\n    create = "soon"\n  }', "must be a time such as", 'create = "soon"'],
  ])("is found by validate, at its line: %s", async (wrong, why, line) => {
    folder.configure(tenant(wrong));
    const refused = await folder.fails("validate");
    expect(refused).toContain(why);
    expect(refused).toMatch(new RegExp(`\\d+: ${line.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}`));
  });

  it("is found by validate where parts of a tenant do not go together", async () => {
    folder.configure(tenant("").replace("require_user = true", ""));
    const refused = await folder.fails("validate");
    expect(refused).toContain("No auth_query");
    expect(refused).toContain("No manager");
  });

  it("that only the control plane can tell is found by plan, and nothing is changed", async () => {
    const wrong = 'allow_list = ["10.0.0.0/99"]\n  upstream_ssl = true\n  upstream_tls_ca = "no certificate"';
    folder.configure(tenant(wrong));
    const refused = await folder.fails("plan");
    expect(refused).toContain("must be an address range");
    expect(refused).toContain('allow_list = ["10.0.0.0/99"]');
    expect(refused).toContain("must be one or more certificates in PEM");
    expect(between.seen).toContain("PUT /api/tenants/a?dry_run=true");
    expect((await callApi(fleet, "GET", "/api/tenants/a")).status).toBe(404);
  });

  it("with the token is told by what the control plane says", async () => {
    folder.configure(tenant("").replace(/token += ".*"/, 'token = "abc.def.ghi"'));
    const refused = await folder.fails("apply", "-auto-approve");
    expect(refused).toContain("the bearer token is refused");
    expect(refused).toContain("Check token (or SLUICE_TOKEN)");
  });

  it("with the endpoint is told when something else answers there", async () => {
    folder.configure(
      tenant("").replace(between.url, `${fleet.controlPlane.url}/swaggerui`) +
        'data "sluice_tenants" "all" {}',
    );
    expect(await folder.fails("plan")).toContain("is it a control plane?");
  });

  it("for a moment is waited for as the API asks, and then goes on", async () => {
    let refusals = 0;
    between.meddle = ({ method, path }) => {
      if (method !== "PUT" || path.includes("dry_run") || refusals === 2) return undefined;
      refusals += 1;
      return { answer: refusals === 1 ? 429 : 503, headers: { "retry-after": "1" } };
    };
    folder.configure(tenant(""));
    await folder.apply();
    expect(between.seen.filter((line) => line === "PUT /api/tenants/a")).toHaveLength(3);
    await folder.ok("destroy", "-auto-approve");
  });

  it("with an answer that is lost is made good: the tenant is made once, and is in state", async () => {
    let lost = 0;
    between.meddle = ({ method, path }) => {
      if (method === "GET" || path.includes("dry_run") || lost === 3) return undefined;
      lost += 1;
      return "lose-answer";
    };
    folder.configure(through() + listedTenant(postgres, "lost"));
    await folder.apply();
    expect(lost).toBe(3);
    expect(await folder.planIsEmpty()).toBe(true);
    lost = 1;
    await folder.ok("destroy", "-auto-approve");
    expect((await callApi(fleet, "GET", "/api/tenants/lost")).status).toBe(404);
  });

  it("with an answer to an update that is lost is made good, and nobody else is blamed for it", async () => {
    const all = (size: number): string => `${through()}
${listedTenant(postgres, "lost", `default_pool_size = ${size}`).replace("pool_size = 5", `pool_size = ${size}`)}
resource "sluice_cluster" "lost" {
  alias   = "around"
  active  = ${size === 3}
  members = [{ tenant = sluice_tenant.lost.external_id, type = "write" }]
}
resource "sluice_tenant_ban" "lost" {
  tenant = sluice_tenant.lost.external_id
  reason = "reason ${size}"
}
`;
    folder.configure(all(3));
    await folder.apply();
    const lost = new Set<string>();
    between.meddle = ({ method, path }) => {
      if (method === "GET" || path.includes("dry_run") || lost.has(`${method} ${path}`)) return undefined;
      lost.add(`${method} ${path}`);
      return "lose-answer";
    };
    folder.configure(all(4));
    expect(await folder.apply()).toContain("0 added, 4 changed");
    expect(lost.size).toBe(4);
    expect(await folder.planIsEmpty()).toBe(true);
    await folder.ok("destroy", "-auto-approve");
  });

  it("between plan and apply, by somebody else, is not overwritten", async () => {
    folder.configure(tenant(""));
    await folder.apply();
    folder.configure(tenant("default_pool_size = 20"));
    await folder.ok("plan", "-out=the.plan");
    await callApi(fleet, "PUT", "/api/tenants/a", { tenant: { default_pool_size: 99 } });
    const refused = await folder.fails("apply", "the.plan");
    expect(refused).toContain('The tenant "a" was changed outside of Terraform');
    expect(refused).toContain("somebody has changed default_pool_size");
    expect(await stored("/api/tenants/a")).toMatchObject({ default_pool_size: 99 });
    await folder.apply();
    expect(await stored("/api/tenants/a")).toMatchObject({ default_pool_size: 20 });
  });

  it("at the very moment of the change, by somebody else, is not overwritten", async () => {
    let done = false;
    between.meddle = ({ method, path }) => {
      if (method !== "PUT" || path.includes("dry_run") || done) return undefined;
      done = true;
      return async () => {
        await callApi(fleet, "PUT", "/api/tenants/a", { tenant: { query_timeout: 1234 } });
      };
    };
    folder.configure(tenant("default_pool_size = 30"));
    expect(await folder.fails("apply", "-auto-approve")).toContain("somebody has changed query_timeout");
    expect(await stored("/api/tenants/a")).toMatchObject({ default_pool_size: 20, query_timeout: 1234 });
    await folder.ok("destroy", "-auto-approve");
  });

  it("is not that many users of one tenant change at once", async () => {
    const users = (size: number): string => `${tenant("")}
resource "sluice_tenant_user" "many" {
  count     = 12
  tenant    = sluice_tenant.a.external_id
  db_user   = "user_\${count.index}"
  password  = "p"
  pool_size = ${size}
}
`;
    folder.configure(users(1));
    await folder.apply();
    folder.configure(users(2));
    await folder.apply();
    expect(await folder.planIsEmpty()).toBe(true);
    const { users: listed } = (await stored("/api/tenants/a")) as { users: { pool_size: number }[] };
    expect(listed.map(({ pool_size: size }) => size)).toEqual(Array(12).fill(2));
    await folder.ok("destroy", "-auto-approve");
  });

  it("is not that a tenant was deleted and made anew by somebody else: that one is not deleted", async () => {
    folder.configure(tenant(""));
    await folder.apply();
    await callApi(fleet, "DELETE", "/api/tenants/a");
    const other = { db_host: "other", db_port: 1, db_database: "other", require_user: true, users: [] };
    await callApi(fleet, "PUT", "/api/tenants/a", { tenant: other });
    await folder.ok("destroy", "-auto-approve", "-refresh=false");
    expect(await stored("/api/tenants/a")).toMatchObject({ db_host: "other" });
    await callApi(fleet, "DELETE", "/api/tenants/a");
  });

  it("is a user called as a step of a path: nothing of it reaches the tenant", async () => {
    const user = (name: string, address = "odd"): string => `
resource "sluice_tenant_user" "${address}" {
  tenant    = sluice_tenant.a.external_id
  db_user   = "${name}"
  password  = "p"
  pool_size = 1
}
`;
    folder.configure(tenant("") + user(".."));
    expect(await folder.fails("validate")).toContain("db_user must not be . or ..");
    folder.configure(tenant("") + user("plain"));
    await folder.apply();
    const roles = ["plain", ".."].map((name) => ({ db_user: name, db_password: "p", pool_size: 1 }));
    await callApi(fleet, "PUT", "/api/tenants/a", { tenant: { users: roles } });
    folder.configure(tenant("") + user("plain") + user("another", "other"));
    expect(await folder.fails("import", "sluice_tenant_user.other", "a/..")).toContain("cannot be asked for");
    // A state of before names were looked at.
    folder.write("terraform.tfstate", folder.stateText.replaceAll('"plain"', '".."'));
    folder.configure(tenant(""));
    expect(await folder.fails("apply", "-auto-approve")).toContain("cannot be asked for");
    const { users: kept } = (await stored("/api/tenants/a")) as { users: { db_user: string }[] };
    expect(kept.map(({ db_user: name }) => name)).toEqual(["plain", ".."]);
    expect(between.seen.filter((line) => line.startsWith("DELETE"))).toEqual([]);
    await folder.ok("state", "rm", "sluice_tenant_user.odd");
    await folder.ok("destroy", "-auto-approve");
  });

  it("with a ban is told: one that is there already, an end that has passed, no tenant", async () => {
    folder.configure(through() + managedTenant(postgres, "banned"));
    await folder.apply();
    const ban = (reason: string, more = ""): string =>
      `${through()}${managedTenant(postgres, "banned")}
resource "sluice_tenant_ban" "banned" {
  tenant = sluice_tenant.banned.external_id
  reason = "${reason}"
  ${more}
}
`;
    await callApi(fleet, "PATCH", "/api/tenants/banned", { banned: true, ban_reason: "by hand" });
    folder.configure(ban("by Terraform"));
    expect(await folder.fails("apply", "-auto-approve")).toContain("The tenant is banned already");
    folder.configure(ban("by hand"));
    expect(await folder.fails("apply", "-auto-approve")).toContain("terraform import sluice_tenant_ban.NAME");
    await folder.ok("import", "sluice_tenant_ban.banned", "banned");
    expect(await folder.planIsEmpty()).toBe(true);
    folder.configure(ban("by hand", 'until = "2001-01-01T00:00:00Z"'));
    const refused = await folder.fails("apply", "-auto-approve");
    expect(refused).toContain("must be in the future");
    expect(refused).toContain('until = "2001-01-01T00:00:00Z"');
    folder.configure(ban("by hand", 'until = "tomorrow"'));
    expect(await folder.fails("validate")).toContain("must be a time in RFC 3339");
    folder.configure(ban("by hand"));
    await folder.ok("destroy", "-auto-approve");
  });

  it("with a function's argument is told at the argument", async () => {
    folder.configure(`output "x" {
  value = provider::sluice::connection_uri("a b", 6543, "t", "u", null, "d")
}`);
    expect(await folder.fails("plan")).toContain("the host must be a name or an address");
  });
});
