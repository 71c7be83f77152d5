import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificate } from "@sluice/local/certificates";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, type Database } from "../../support/database.js";
import { Api } from "./api.js";
import { FIRST_PUT, SECOND_PUT, SECOND_PUT_WITHOUT_COMMENTS, secondPutWithCa } from "./guide.js";
import { Replica } from "./replica.js";
import { StoreProbe } from "./store-probe.js";

const MANAGED = {
  db_host: "db.example.com",
  db_port: 5432,
  db_database: "app",
  require_user: false,
  auth_query: "SELECT rolname, rolpassword FROM pg_authid WHERE rolname = $1",
  users: [{ db_user: "manager", db_password: "first-secret", pool_size: 5, is_manager: true }],
};

const LISTED = {
  db_host: "db.example.com",
  db_port: 5432,
  db_database: "app",
  require_user: true,
  users: [{ db_user: "alice", db_password: "alice-secret", pool_size: 5 }],
};

describe("the API of tenants", () => {
  let database: Database;
  let replica: Replica;
  let api: Api;
  let store: StoreProbe;
  let ca: string;

  beforeAll(async () => {
    database = await createDatabase();
    replica = await Replica.start(database.url);
    api = new Api(replica);
    store = new StoreProbe(database.url);
    const folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
    await makeCertificate("Test CA", { certPath: join(folder, "ca.pem"), keyPath: join(folder, "ca.key") });
    ca = readFileSync(join(folder, "ca.pem"), "utf8");
    rmSync(folder, { recursive: true });
  });

  afterAll(async () => {
    await replica.stop();
    await database.drop();
  });

  it("takes the guide's first PUT as it stands: 201, the tenant, and where it is", async () => {
    const answer = await api.put("dev_tenant", FIRST_PUT);
    expect(answer.status).toBe(201);
    expect(answer.headers.location).toBe("/api/tenants/dev_tenant");
    expect(answer.body.data).toMatchObject({
      external_id: "dev_tenant",
      db_host: "localhost",
      db_port: 6432,
      db_database: "postgres",
      ip_version: "auto",
      upstream_ssl: false,
      upstream_verify: null,
      upstream_tls_ca_fingerprint: null,
      enforce_ssl: false,
      require_user: false,
      default_pool_size: 15,
      default_max_clients: 1000,
      client_idle_timeout: 0,
      client_heartbeat_interval: 60,
      allow_list: ["0.0.0.0/0", "::/0"],
      default_parameter_status: {},
      feature_flags: {},
      use_jit: false,
      users: [
        {
          db_user: "postgres",
          db_user_alias: "postgres",
          db_password_set: true,
          db_password_fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
          pool_size: 20,
          is_manager: true,
          mode_type: "transaction",
          pool_checkout_timeout: 60000,
          max_clients: null,
        },
      ],
    });
    expect(answer.body.data.users[0]).not.toHaveProperty("db_password");
    const found = await api.get(answer.headers.location ?? "");
    expect(found.body).toEqual(answer.body);
  });

  it("shows where the guide's second PUT has its first comment: 400", async () => {
    const answer = await api.put("dev_tenant", SECOND_PUT);
    expect(answer.status).toBe(400);
    expect(answer.body.error).toBe(
      'the body is not JSON: "// \\"auto\\" | …", a comment, which JSON does not have, at line 6, column 27',
    );
  });

  it("says that the guide's placeholder is no certificate: 422", async () => {
    const answer = await api.put("dev_tenant", SECOND_PUT_WITHOUT_COMMENTS);
    expect(answer.status).toBe(422);
    expect(Object.keys(answer.body.errors)).toEqual(["upstream_tls_ca"]);
    expect(answer.body.errors.upstream_tls_ca[0]).toContain("cannot be read");
  });

  it("takes the guide's second PUT with a real CA: 200, and shows the CA's fingerprint only", async () => {
    const answer = await api.put("dev_tenant", secondPutWithCa(ca));
    expect(answer.status).toBe(200);
    expect(answer.headers).not.toHaveProperty("location");
    expect(answer.body.data).toMatchObject({
      require_user: true,
      upstream_ssl: true,
      upstream_verify: "peer",
      upstream_tls_ca_fingerprint: new X509Certificate(ca).fingerprint256,
      default_max_clients: 200,
      default_pool_size: 15,
      // Absent from the body, and so kept.
      auth_query: "SELECT rolname, rolpassword FROM pg_authid WHERE rolname=$1;",
      users: [{ db_user: "postgres", pool_checkout_timeout: 100, pool_size: 10, is_manager: false }],
    });
    expect(answer.body.data).not.toHaveProperty("upstream_tls_ca");
  });

  it("takes peer without a CA: data planes have a fallback, and their system's roots", async () => {
    const answer = await api.put("roots", { ...LISTED, upstream_ssl: true, upstream_verify: "peer" });
    expect(answer.status).toBe(201);
    expect(answer.body.data).toMatchObject({ upstream_verify: "peer", upstream_tls_ca_fingerprint: null });
  });

  it("deletes with 204, once; then it is 404", async () => {
    await api.put("short-lived", MANAGED).expect(201);
    await api.delete("short-lived").expect(204, "");
    const again = await api.delete("short-lived");
    expect(again.status).toBe(404);
    expect(again.body).toEqual({ error: "not found" });
    await api.get("/api/tenants/short-lived").expect(404);
    await api.put("short-lived", MANAGED).expect(201);
  });

  it("keeps what a PUT leaves out, and replaces users as a whole", async () => {
    await api.put("merged", {
      ...LISTED,
      default_pool_size: 7,
      sni_hostname: "app.example.com",
      feature_flags: { named_prepared_statements: true },
      users: [
        { db_user: "alice", db_password: "a", pool_size: 5, max_clients: 3 },
        { db_user: "bob", db_password: "b", pool_size: 6 },
      ],
    });
    const port = await api.put("merged", { db_port: 6000 });
    expect(port.status).toBe(200);
    expect(port.body.data).toMatchObject({
      db_port: 6000,
      default_pool_size: 7,
      sni_hostname: "app.example.com",
      feature_flags: { named_prepared_statements: true },
    });
    expect(port.body.data.users).toHaveLength(2);
    const users = await api.put("merged", { sni_hostname: null, users: [{ db_user: "bob", pool_size: 9 }] });
    expect(users.status).toBe(200);
    expect(users.body.data.sni_hostname).toBeNull();
    expect(users.body.data.users).toMatchObject([{ db_user: "bob", pool_size: 9, max_clients: null }]);
    // Of alice nothing is left.
    const back = await api.put("merged", { users: [{ db_user: "alice", pool_size: 5 }] });
    expect(back.status).toBe(422);
    expect(back.body.errors).toEqual({
      "users.0.db_password": ["can't be blank: this user has no stored password"],
    });
  });

  it("writes nothing and takes no generation when a PUT changes nothing", async () => {
    await api.put("steady", MANAGED).expect(201);
    const before = await api.get("/api/tenants/steady");
    const generation = await store.generation();
    const rows = await store.rows("SELECT * FROM sluice.users ORDER BY id");
    await api.put("steady", MANAGED).expect(200);
    await api.put("steady", {}).expect(200);
    await api.put("steady", { db_port: 5432, external_id: "steady" }).expect(200);
    const { db_password: _, ...withoutPassword } = MANAGED.users[0] ?? {};
    await api.put("steady", { users: [withoutPassword] }).expect(200);
    expect(await store.generation()).toBe(generation);
    expect(await store.rows("SELECT * FROM sluice.users ORDER BY id")).toEqual(rows);
    expect((await api.get("/api/tenants/steady")).body).toEqual(before.body);
    await api.put("steady", { db_port: 5433 }).expect(200);
    expect(await store.generation()).toBe(generation + 1n);
  });

  it("says no password anywhere: not in an answer, not in a log line, not in clear in the database", async () => {
    const password = "pa55-w0rd-that-must-not-leak";
    const put = await api.put("secretive", {
      ...MANAGED,
      users: [{ ...MANAGED.users[0], db_password: password }],
    });
    const get = await api.get("/api/tenants/secretive");
    const list = await api.get("/api/tenants");
    // A body that is refused, and one that is no JSON right behind the password.
    const refused = await api.put("secretive", {
      users: [{ db_user: "x", db_password: password, pool_size: 0 }],
    });
    const broken = await api.put("secretive", `{"tenant": {"users": [{"db_password": "${password}"; }]}}`);
    expect([put.status, get.status, list.status, refused.status, broken.status]).toEqual([
      201, 200, 200, 422, 400,
    ]);
    for (const answer of [put, get, list, refused, broken]) {
      expect(answer.text).not.toContain(password);
      expect(answer.text).not.toContain("SCRAM-SHA-256$");
    }
    expect(replica.log.text).not.toContain(password);
    const dump = await store.rows<{ dump: string }>(
      `SELECT t::text AS dump FROM sluice.tenants t UNION ALL SELECT u::text FROM sluice.users u
       UNION ALL SELECT r::text FROM sluice.records r`,
    );
    const hex = Buffer.from(password).toString("hex");
    for (const { dump: row } of dump) expect(row.includes(password) || row.includes(hex)).toBe(false);
  });

  it("lists by external_id in pages of 100", async () => {
    const names = Array.from({ length: 205 }, (_, index) => `page-${String(index).padStart(3, "0")}`);
    for (const name of names) await api.put(name, LISTED).expect(201);
    const seen: string[] = [];
    const pages: number[] = [];
    let cursor: string | null = null;
    do {
      const answer = await api.get(`/api/tenants${cursor === null ? "" : `?cursor=${cursor}`}`);
      expect(answer.status).toBe(200);
      pages.push(answer.body.data.length);
      seen.push(...answer.body.data.map((tenant: { external_id: string }) => tenant.external_id));
      cursor = answer.body.next_cursor;
    } while (cursor !== null);
    expect(pages.slice(0, 2)).toEqual([100, 100]);
    expect(seen).toEqual([...new Set(seen)].sort());
    expect(seen).toEqual(expect.arrayContaining(names));
    await api.get("/api/tenants?cursor=*").expect(422);
    await api.get("/api/tenants?page=2").expect(422);
  });

  it("shows on its pages each tenant that stays, once, whatever comes and goes in between", async () => {
    const names = Array.from({ length: 12 }, (_, index) => `turning-${String(index).padStart(2, "0")}`);
    for (const name of names) await api.put(name, LISTED).expect(201);
    const seen: string[] = [];
    let cursor: string | null = null;
    for (let page = 0; page === 0 || cursor !== null; page++) {
      const { body } = await api.get(
        `/api/tenants?q=turning&limit=2${cursor === null ? "" : `&cursor=${cursor}`}`,
      );
      seen.push(...body.data.map((tenant: { external_id: string }) => tenant.external_id));
      cursor = body.next_cursor;
      // The one that the cursor stands behind goes; others come before and behind it.
      if (page === 0) await api.delete("turning-01").expect(204);
      if (page < 3) await api.put(`turning-0${page}x`, LISTED).expect(201);
    }
    expect(seen).toEqual([...new Set(seen)].sort());
    expect(seen).toEqual(expect.arrayContaining(names));
    for (const name of seen) await api.delete(name);
  });

  describe("refuses with a text for people", () => {
    const user = { db_user: "u", db_password: "p", pool_size: 5 };
    const cases: readonly [string, Record<string, unknown>, Record<string, readonly string[]>][] = [
      ["a port that is a text", { db_port: "5432" }, { db_port: ["must be a whole number"] }],
      ["a port of 0", { db_port: 0 }, { db_port: ["must be at least 1"] }],
      ["a port of 65536", { db_port: 65536 }, { db_port: ["must be at most 65535"] }],
      ["a host that is null", { db_host: null }, { db_host: ["must be a text"] }],
      [
        "a host that is a URL",
        { db_host: "postgres://db" },
        { db_host: ["must be a host name or an IP address, without a port and without a scheme"] },
      ],
      ["an empty host", { db_host: "" }, { db_host: ["can't be blank"] }],
      [
        "a database name over 63 bytes that has 32 characters",
        { db_database: "ü".repeat(32) },
        { db_database: ["must have at most 63 bytes in UTF-8, not 64"] },
      ],
      ["an unknown field", { db_hots: "x" }, { db_hots: ["is not a known field: did you mean db_host?"] }],
      [
        "an unknown field of a user",
        { users: [{ ...user, pol_size: 1 }] },
        { "users.0.pol_size": ["is not a known field: did you mean pool_size?"] },
      ],
      ["an ip_version of its own", { ip_version: "v5" }, { ip_version: ["must be one of auto, v4, v6"] }],
      [
        "an upstream_verify of its own",
        { upstream_verify: "full" },
        { upstream_verify: ["must be one of none, peer, null"] },
      ],
      [
        "peer without TLS",
        { upstream_verify: "peer" },
        { upstream_verify: ['"peer" needs upstream_ssl: true; without TLS it must be null'] },
      ],
      ["users that are no list", { users: {} }, { users: ["must be a list"] }],
      [
        "no manager",
        { users: [user], require_user: false, auth_query: "select $1" },
        { "users.0.is_manager": ["must be true while require_user is false"] },
      ],
      [
        "two users and no require_user",
        {
          require_user: false,
          auth_query: "select $1",
          users: [user, { ...user, db_user: "v", is_manager: true }],
        },
        { users: ["must be exactly one user, the manager, while require_user is false"] },
      ],
      [
        "require_user false without a query",
        { require_user: false, users: [{ ...user, is_manager: true }] },
        { auth_query: ["can't be blank while require_user is false"] },
      ],
      [
        "a query without the user",
        { auth_query: "select 1" },
        { auth_query: ["must hold $1, which stands for the name of the user who logs in"] },
      ],
      [
        "the same user twice",
        { users: [user, user] },
        { "users.1.db_user": ["is the same as users.0.db_user"] },
      ],
      [
        "two managers",
        {
          users: [
            { ...user, is_manager: true },
            { ...user, db_user: "v", is_manager: true },
          ],
        },
        { "users.1.is_manager": ["a tenant has one manager, and users.0 is one"] },
      ],
      [
        "several mistakes at once",
        { users: [{ db_password: "p" }, { db_user: "", pool_size: 0.5 }] },
        {
          "users.0.db_user": ["can't be blank"],
          "users.0.pool_size": ["can't be blank"],
          "users.1.db_user": ["can't be blank"],
          "users.1.pool_size": ["must be a whole number", "must be at least 1"],
        },
      ],
      [
        "an address range that is none",
        { allow_list: ["10.0.0.0/8", "10.0.0.0/33"] },
        { "allow_list.1": ["must be an address range such as 10.0.0.0/8 or 2001:db8::/32"] },
      ],
      [
        "another external_id in the body",
        { external_id: "other" },
        { external_id: ['must be "refused", as in the path, or left out'] },
      ],
      ["a NUL", { db_database: "a\0b" }, { db_database: ["must not hold a NUL character"] }],
      [
        "half a surrogate pair",
        { sni_hostname: "\ud800" },
        {
          sni_hostname: [
            "is not valid Unicode: it holds half of a surrogate pair",
            "must be a host name: no address, and no dot at the end",
          ],
        },
      ],
      [
        "a CA that is no PEM",
        { upstream_ssl: true, upstream_tls_ca: "MIIB" },
        { upstream_tls_ca: [expect.stringContaining("in PEM")] as unknown as string[] },
      ],
      [
        "a private key",
        { upstream_ssl: true, upstream_tls_ca: "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----" },
        { upstream_tls_ca: [expect.stringContaining("holds a private key")] as unknown as string[] },
      ],
    ];

    it.each(cases)("%s", async (_, change, errors) => {
      const answer = await api.put("refused", { ...LISTED, ...change });
      expect(answer.body).toEqual({ errors });
      expect(answer.status).toBe(422);
      await api.get("/api/tenants/refused").expect(404);
    });

    it("what is missing in a new tenant", async () => {
      const answer = await api.put("refused", { require_user: true });
      expect(answer.body).toEqual({
        errors: {
          db_host: ["can't be blank"],
          db_port: ["can't be blank"],
          db_database: ["can't be blank"],
          users: ["can't be blank"],
        },
      });
    });

    it("a body without a tenant, with more than a tenant, and none at all", async () => {
      const without = await api.put("refused", "{}");
      expect([without.status, without.body]).toEqual([422, { errors: { tenant: ["can't be blank"] } }]);
      const more = await api.put("refused", JSON.stringify({ tenant: LISTED, extra: 1 }));
      expect([more.status, more.body]).toEqual([422, { errors: { extra: ["is not a known field"] } }]);
      const list = await api.put("refused", "[]");
      expect([list.status, list.body]).toEqual([422, { errors: { body: ["must be an object"] } }]);
      const none = await api.put("refused", "");
      expect(none.status).toBe(422);
    });

    it("a name that could not stand behind the dot of a user name", async () => {
      for (const name of ["a.b", "-a", "a%20b", "%C3%BC", "x".repeat(256)]) {
        const answer = await api.put(name, LISTED);
        expect(answer.status).toBe(422);
        expect(Object.keys(answer.body.errors)).toEqual(["external_id"]);
      }
    });
  });
});
