import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Fleet, startFleet } from "@sluice/local/fleet";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { callApi, connectTo, served } from "../support/tenant-api.js";
import { databaseOf, managedTenant, providerBlock } from "./sample-configuration.js";
import { actionsOf, TerraformFolder } from "./terraform-folder.js";
import { describeTerraform } from "./terraform-run.js";

describeTerraform("passwords in Terraform", () => {
  const postgres = inject("postgres");
  let fleet: Fleet;
  let folder: TerraformFolder;

  beforeAll(async () => {
    fleet = await startFleet({ postgres });
    folder = await TerraformFolder.make("attached");
    await asDatabase(`CREATE ROLE terraform_role LOGIN PASSWORD 'first-password'`);
  });
  afterAll(async () => {
    folder?.remove();
    await fleet?.stop();
    await asDatabase("DROP ROLE terraform_role");
  });

  async function asDatabase(sql: string): Promise<void> {
    const client = new pg.Client({ ...postgres, database: "postgres" });
    await client.connect();
    await client.query(sql).finally(() => client.end());
  }

  const configuration = (user: string, more = ""): string => `${providerBlock(fleet)}
variable "role_password" {
  type      = string
  ephemeral = true
  default   = ""
}
resource "sluice_tenant" "secret" {
  external_id  = "secret"
  ${databaseOf(postgres)}
  require_user = true
}
resource "sluice_tenant_user" "role" {
  tenant    = sluice_tenant.secret.external_id
  db_user   = "terraform_role"
  pool_size = 2
  ${user}
}
${more}`;
  const writeOnly = (version: number): string =>
    `password_wo         = var.role_password\n  password_wo_version = ${version}`;
  const login = (password: string) => ({ user: "terraform_role", password });

  /** Everything that terraform has written into its folder. */
  function written(): string {
    const below = (path: string): string =>
      statSync(path).isDirectory()
        ? readdirSync(path)
            .filter((name) => !name.endsWith(".sock") && name !== "mirror")
            .map((name) => below(join(path, name)))
            .join("\n")
        : readFileSync(path, "latin1");
    return below(folder.folder);
  }

  it("that are write-only reach the control plane, and no file of Terraform's", async () => {
    folder.configure(configuration(writeOnly(1)));
    await folder.ok("plan", "-out=the.plan", "-var=role_password=first-password");
    await folder.ok("apply", "-var=role_password=first-password", "the.plan");
    await served(fleet, "secret", login("first-password"));
    expect(written()).not.toContain("first-password");
    expect(await folder.ok("show")).toContain("(write-only attribute)");
  });

  it("that are write-only are sent again when their version changes, and only then", async () => {
    await asDatabase("ALTER ROLE terraform_role PASSWORD 'second-password'");
    folder.configure(configuration(writeOnly(1)));
    expect(await folder.ok("plan", "-var=role_password=second-password")).toContain("No changes");
    folder.configure(configuration(writeOnly(2)));
    await folder.apply("-var=role_password=second-password");
    await served(fleet, "secret", login("second-password"));
    expect(written()).not.toContain("second-password");
  });

  it("stay stored while something else of the user changes", async () => {
    folder.configure(configuration(writeOnly(2)).replace("pool_size = 2", "pool_size = 3"));
    await folder.apply("-var=role_password=not-sent");
    await (await connectTo(fleet, "secret", login("second-password"))).end();
    const { data } = (await (await callApi(fleet, "GET", "/api/audit?tenant=secret&limit=1")).json()) as {
      data: { difference: unknown }[];
    };
    expect(data[0]?.difference).toEqual({ "users.terraform_role.pool_size": { from: 2, to: 3 } });
  });

  it("that somebody else has changed are seen by their fingerprint, and sent again", async () => {
    await callApi(fleet, "PUT", "/api/tenants/secret/users/terraform_role", {
      user: { db_password: "somebody-else's" },
    });
    expect(actionsOf(await folder.plan("-var=role_password=second-password"))).toEqual({
      "sluice_tenant_user.role": "update",
    });
    await folder.ok("apply", "-var=role_password=second-password", "the.plan");
    await served(fleet, "secret", login("second-password"));
    expect(await folder.ok("plan", "-var=role_password=second-password")).toContain("No changes");
  });

  it("of a manager that somebody else has changed are sent again", async () => {
    const other = await TerraformFolder.make("attached");
    try {
      other.configure(providerBlock(fleet) + managedTenant(postgres, "managed"));
      await other.apply();
      await callApi(fleet, "POST", "/api/tenants/managed/update_auth_credentials", {
        db_user: postgres.user,
        db_password: "wrong",
      });
      expect(actionsOf(await other.plan())).toEqual({ "sluice_tenant.managed": "update" });
      await other.ok("apply", "the.plan");
      expect(await other.planIsEmpty()).toBe(true);
      await served(fleet, "managed", { password: postgres.password });
      await other.ok("destroy", "-auto-approve");
    } finally {
      other.remove();
    }
  });

  it("that are not write-only are sensitive: no plan shows them, and the state has them", async () => {
    await asDatabase("ALTER ROLE terraform_role PASSWORD 'third-password'");
    folder.configure(configuration('password = "third-password"'));
    const shown = await folder.apply();
    expect(shown).not.toContain("third-password");
    expect(folder.stateText).toContain("third-password");
    expect(await folder.planIsEmpty()).toBe(true);
    await served(fleet, "secret", login("third-password"));
  });

  it("go through ephemeral credentials into a write-only attribute, and are nowhere afterwards", async () => {
    const ephemeral = `
variable "given" {
  type      = string
  ephemeral = true
}
ephemeral "sluice_connection_credentials" "role" {
  tenant   = sluice_tenant.secret.external_id
  user     = sluice_tenant_user.role.db_user
  password = var.given
  mode     = "session"
}
resource "sluice_tenant" "behind" {
  external_id = "behind"
  db_host     = "127.0.0.1"
  db_port     = ${fleet.dataPlane.ports.session}
  db_database = "postgres"
  require_user = true
}
`;
    const through = `${ephemeral}
resource "sluice_tenant_user" "behind" {
  tenant              = sluice_tenant.behind.external_id
  db_user             = "terraform_role.secret"
  pool_size           = 1
  password_wo         = ephemeral.sluice_connection_credentials.role.password
  password_wo_version = length(sluice_tenant_user.role.id)
}
check "uri" {
  assert {
    condition     = ephemeral.sluice_connection_credentials.role.username == "terraform_role.secret"
    error_message = "the name is another one"
  }
}
`;
    await asDatabase("ALTER ROLE terraform_role PASSWORD 'fourth-password'");
    folder.configure(configuration(writeOnly(3), through));
    const passwords = ["-var=role_password=fourth-password", "-var=given=fourth-password"];
    expect(actionsOf(await folder.plan(...passwords))).toMatchObject({
      "sluice_tenant_user.behind": "create",
    });
    await folder.ok("apply", ...passwords, "the.plan");
    await served(fleet, "secret", login("fourth-password"));
    expect(written()).not.toContain("fourth-password");
    // A pooler in front of a pooler: the password that went through is the right one.
    const behind = { user: "terraform_role.secret", password: "fourth-password" };
    await served(fleet, "behind", behind);
  });

  it("of a user who may not log in are refused by ephemeral credentials", async () => {
    const nobody = `
ephemeral "sluice_connection_credentials" "nobody" {
  tenant   = "secret"
  user     = "nobody"
  password = "x"
}`;
    folder.configure(configuration(writeOnly(3), nobody));
    const refused = await folder.fails("plan", "-var=role_password=fourth-password");
    expect(refused).toContain("The user may not log in");
    expect(refused).toContain('no user "nobody"');
  });

  it("given in both forms, or in none, are refused where they stand", async () => {
    folder.configure(configuration('password = "a"\n  password_wo = "b"'));
    expect(await folder.fails("validate")).toContain("Two passwords");
    folder.configure(configuration(""));
    expect(await folder.fails("validate")).toContain("No password");
  });
});
