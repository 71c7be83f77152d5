import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificate } from "@sluice/local/certificates";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CommandOutcome, runCommand } from "../../support/command.js";
import { createDatabase, type Database } from "../../support/database.js";
import { Api } from "./api.js";
import { GUIDE_TOKEN } from "./guide.js";
import { Region } from "./region.js";
import { Replica } from "./replica.js";
import { StoreProbe } from "./store-probe.js";
import { SupavisorDatabase } from "./supavisor-database.js";

const SUPAVISOR_KEY = "12345678901234567890123456789032";

describe("moving in from Supavisor", () => {
  let theirs: Database;
  let ours: Database;
  let supavisor: SupavisorDatabase;
  let replica: Replica;
  let server: Server;
  let api: Api;
  let ca: string;

  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
    await makeCertificate("Their CA", { certPath: join(folder, "ca.pem"), keyPath: join(folder, "ca.key") });
    ca = readFileSync(join(folder, "ca.pem"), "utf8");
    rmSync(folder, { recursive: true });

    theirs = await createDatabase();
    supavisor = await SupavisorDatabase.make(theirs.url, SUPAVISOR_KEY);
    await supavisor.tenant("managed", {
      require_user: false,
      auth_query: "SELECT rolname, rolpassword FROM pg_authid WHERE rolname=$1",
      feature_flags: { named_prepared_statements: true },
      allow_list: ["10.0.0.0/8 ", "::/0"],
    });
    await supavisor.user("managed", "postgres", "pa$$ wörd", { is_manager: true, pool_size: 20 });
    await supavisor.tenant("listed", {
      require_user: true,
      upstream_ssl: true,
      upstream_verify: "peer",
      upstream_tls_ca: new X509Certificate(ca).raw,
      default_pool_strategy: "lifo",
      client_idle_timeout: 5000,
      sni_hostname: "db.customer.example",
      banned_at: "2026-01-01",
      ban_reason: "the bill",
      banned_until: "2999-01-02 03:04:05",
    });
    await supavisor.user("listed", "alice", "a", { max_clients: 7, pool_checkout_timeout: 100 });
    await supavisor.user("listed", "alice", "a", { mode_type: "session", pool_size: 3 });
    await supavisor.user("listed", "bob", "b", { db_user_alias: "robert", inserted_at: "2999-01-01" });
    await supavisor.user("listed", "bob", "c", { db_user_alias: "reports", inserted_at: "2999-01-02" });
    await supavisor.tenant("was-banned", {
      banned_at: "2020-01-01",
      ban_reason: "x",
      banned_until: "2020-02-01",
    });
    await supavisor.user("was-banned", "carol", "c", {});
    await supavisor.tenant("with.dot", {});
    await supavisor.user("with.dot", "dave", "d", {});
    await supavisor.tenant("huge", { default_pool_size: 1_000_000 });
    await supavisor.user("huge", "erin", "e", {});
    await supavisor.cluster("pair", { active: true });
    await supavisor.member("pair", "listed", { type: "write", active: true });
    await supavisor.member("pair", "managed", { type: "read" });

    ours = await createDatabase();
    replica = await Replica.start(ours.url);
    api = new Api(replica);
    server = createServer(replica.app);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });

  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve));
    await replica.stop();
    await supavisor.end();
    await ours.drop();
    await theirs.drop();
  });

  function bring(mode: "dry-run" | "apply", env: Record<string, string> = {}): Promise<CommandOutcome> {
    const { port } = server.address() as AddressInfo;
    return runCommand("import-supavisor", ["--api", `http://127.0.0.1:${port}`, "--mode", mode], {
      SUPAVISOR_DATABASE_URL: theirs.url,
      SUPAVISOR_VAULT_ENC_KEY: SUPAVISOR_KEY,
      SLUICE_API_TOKEN: GUIDE_TOKEN,
      ...env,
    });
  }

  it("looks first: the report says what would be, and nothing is written", async () => {
    const { code, out } = await bring("dry-run");
    expect(out.trim().split("\n")).toEqual([
      expect.stringMatching(/^tenant huge: refused: default_pool_size must be at most 10000$/),
      "tenant listed: note: user alice is there more than once; the first row is taken",
      "tenant listed: note: user bob has the alias robert, by which nobody logs in here: its clients have to log in as bob",
      "tenant listed: note: user bob is there again with the alias reports, which is left out with its password and limits: its clients have to log in as bob",
      "tenant listed: note: default_pool_strategy lifo is not known here",
      "tenant listed: created",
      "tenant listed: banned: the bill",
      "tenant managed: created",
      "tenant was-banned: created",
      expect.stringMatching(/^tenant with.dot: refused: external_id /),
      "cluster pair: created after its tenants",
      "dry run, nothing was written: 4 created, 0 updated, 0 unchanged, 2 refused",
    ]);
    expect(code).toBe(1);
    expect((await api.get("/api/tenants")).body.data).toEqual([]);
  });

  it("brings tenants, users with their passwords, CA, ban and clusters over", async () => {
    const { out } = await bring("apply");
    expect(out).toMatch(/4 created, 0 updated, 0 unchanged, 2 refused\n$/);
    const { body } = await api.get("/api/tenants/listed").expect(200);
    expect(body.data).toMatchObject({
      require_user: true,
      upstream_verify: "peer",
      upstream_tls_ca_fingerprint: new X509Certificate(ca).fingerprint256,
      client_idle_timeout: 5000,
      sni_hostname: "db.customer.example",
      default_parameter_status: { server_version: "15.1" },
      ban_reason: "the bill",
      banned_until: "2999-01-02T03:04:05.000Z",
      users: [
        { db_user: "alice", max_clients: 7, pool_checkout_timeout: 100, mode_type: "transaction" },
        { db_user: "bob", max_clients: null },
      ],
    });
    expect((await api.get("/api/tenants/was-banned")).body.data.banned_at).toBeNull();
    const cluster = await api.get("/api/clusters/pair").expect(200);
    expect(cluster.body.data).toMatchObject({
      active: true,
      cluster_tenants: [
        { tenant_external_id: "listed", type: "write", active: true },
        { tenant_external_id: "managed", type: "read", active: false },
      ],
    });
    const directory = await (await Region.appear("eu", replica, ours.url)).directory();
    expect(directory.find("managed")?.manager?.password()).toBe("pa$$ wörd");
    expect(directory.find("managed")).toMatchObject({ requireUser: false, namedPreparedStatements: true });
    expect(directory.find("listed")?.users.get("bob")?.password()).toBe("b");
  });

  it("may be run again: nothing is written, and later changes come along", async () => {
    const store = new StoreProbe(ours.url);
    const generation = await store.generation();
    expect((await bring("apply")).out).toMatch(/0 created, 0 updated, 4 unchanged, 2 refused\n$/);
    expect(await store.generation()).toBe(generation);
    await new StoreProbe(theirs.url).rows(
      "UPDATE _supavisor.tenants SET db_port = 6000 WHERE external_id = 'managed'",
    );
    const { out } = await bring("dry-run");
    expect(out).toContain("tenant managed: updated: db_port\n");
    expect(out).not.toMatch(/pa\$\$/);
    expect((await bring("apply")).out).toMatch(/1 updated, 3 unchanged/);
    expect((await api.get("/api/tenants/managed")).body.data.db_port).toBe(6000);
  });

  it("says what is wrong with the key, the token and the database", async () => {
    const key = await bring("dry-run", { SUPAVISOR_VAULT_ENC_KEY: "12345678901234567890123456789099" });
    expect([key.code, key.err]).toEqual([1, expect.stringMatching(/does not open/)]);
    const token = await bring("dry-run", { SLUICE_API_TOKEN: "x" });
    expect([token.code, token.err]).toEqual([1, expect.stringMatching(/401/)]);
    const database = await bring("dry-run", { SUPAVISOR_DATABASE_URL: ours.url });
    expect([database.code, database.err]).toEqual([1, expect.stringMatching(/_supavisor/)]);
    const nothing = await runCommand("import-supavisor", [], {});
    expect(nothing.err).toMatch(
      /SUPAVISOR_DATABASE_URL[\s\S]*SUPAVISOR_VAULT_ENC_KEY[\s\S]*SLUICE_API_TOKEN/,
    );
  });
});
