import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, type Database } from "../../support/database.js";
import { Api } from "./api.js";
import { Replica } from "./replica.js";
import { StoreProbe } from "./store-probe.js";
import { LISTED } from "./tenant-bodies.js";

describe("versions of a tenant", () => {
  let database: Database;
  let replicas: Replica[];
  let api: Api;
  let other: Api;
  let store: StoreProbe;

  beforeAll(async () => {
    database = await createDatabase();
    const first = await Replica.start(database.url);
    const second = await Replica.start(database.url, { trust: first.trust });
    replicas = [first, second];
    api = new Api(first);
    other = new Api(second);
    store = new StoreProbe(database.url);
  });

  afterAll(async () => {
    for (const replica of replicas) await replica.stop();
    await database.drop();
  });

  const put = (id: string, tenant: unknown, headers = {}) =>
    api.send("put", `/api/tenants/${id}`, { tenant }, headers);

  it("have a tag that every change changes, and nothing else", async () => {
    const made = await put("tagged", LISTED).expect(201);
    const tag = String(made.headers.etag);
    expect(tag).toMatch(/^"[^"]+"$/);
    expect((await api.get("/api/tenants/tagged")).headers.etag).toBe(tag);
    expect((await put("tagged", {}).expect(200)).headers.etag).toBe(tag);
    const changed = await put("tagged", { db_port: 1 }).expect(200);
    expect(changed.headers.etag).not.toBe(tag);
    // Deleted and made again with the same content: another one all the same.
    await api.delete("tagged").expect(204);
    const again = await put("tagged", { ...LISTED, db_port: 1 }).expect(201);
    expect(again.headers.etag).not.toBe(changed.headers.etag);
  });

  it("let a GET ask whether it has changed: 304", async () => {
    const { headers } = await put("asked", LISTED).expect(201);
    const known = { "if-none-match": `W/"x", ${headers.etag}` };
    const same = await api.send("get", "/api/tenants/asked", undefined, known).expect(304);
    expect([same.text, same.headers.etag]).toEqual(["", headers.etag]);
    await put("asked", { db_port: 1 }).expect(200);
    await api.send("get", "/api/tenants/asked", undefined, known).expect(200);
  });

  it("let a change say which one it means: 412 for every other", async () => {
    const { headers } = await put("meant", LISTED).expect(201);
    const meant = { "if-match": String(headers.etag) };
    const changed = await put("meant", { db_port: 1 }, meant).expect(200);
    const late = await put("meant", { db_port: 2 }, meant).expect(412);
    expect(late.body.error).toContain(String(changed.headers.etag));
    await api.send("delete", "/api/tenants/meant", undefined, meant).expect(412);
    await api.send("patch", "/api/tenants/meant", { banned: true, ban_reason: "x" }, meant).expect(412);
    await api.send("post", "/api/tenants/meant/terminate", undefined, meant).expect(412);
    expect((await api.get("/api/tenants/meant")).body.data.db_port).toBe(1);
    await put("meant", { db_port: 3 }, { "if-match": "*" }).expect(200);
    await put("not-there", LISTED, { "if-match": "*" }).expect(412);
    await put("not-there", LISTED, { "if-none-match": "*" }).expect(201);
    await put("not-there", { db_port: 1 }, { "if-none-match": "*" }).expect(412);
    // A weak tag matches nothing that is to be changed.
    const weak = `W/${changed.headers.etag}`;
    await put("meant", { db_port: 4 }, { "if-match": weak }).expect(412);
    await put("meant", { db_port: 4 }, { "if-match": "unquoted" }).expect(400);
  });

  it("are the same after what GET shows was PUT back", async () => {
    await put("returned", { ...LISTED, default_parameter_status: { server_version: "16.1" } }).expect(201);
    await api.send("patch", "/api/tenants/returned", { banned: true, ban_reason: "x" }).expect(200);
    const shown = await api.get("/api/tenants/returned").expect(200);
    const back = await put("returned", shown.body.data).expect(200);
    expect(back.body).toEqual(shown.body);
    expect(back.headers.etag).toBe(shown.headers.etag);
    const member = { tenant_external_id: "returned", type: "read" };
    const path = "/api/clusters/returned-too";
    await api.send("put", path, { cluster: { cluster_tenants: [member] } }).expect(201);
    const cluster = await api.get(path).expect(200);
    const again = await api.send("put", path, { cluster: cluster.body.data }).expect(200);
    expect([again.body, again.headers.etag]).toEqual([cluster.body, cluster.headers.etag]);
    const user = await api.get("/api/tenants/returned/users/alice").expect(200);
    const same = await api.send("put", "/api/tenants/returned/users/alice", { user: user.body.data });
    expect([same.status, same.headers.etag]).toEqual([200, shown.headers.etag]);
  });

  it("go with the number of the newest change, the fleet's, also where a user or an order is that change", async () => {
    const { headers } = await put("numbered", LISTED).expect(201);
    const made = Number(headers["sluice-generation"]);
    expect(made).toBe(Number(await store.generation()));
    await put("beside", LISTED).expect(201);
    expect(Number((await put("numbered", {}).expect(200)).headers["sluice-generation"])).toBe(made);
    const user = { user: { db_password: "x", pool_size: 1 } };
    const added = await api.send("put", "/api/tenants/numbered/users/bob", user).expect(201);
    const newer = Number(added.headers["sluice-generation"]);
    expect(newer).toBe(made + 2);
    for (const path of ["/api/tenants/numbered", "/api/tenants/numbered/users/alice"]) {
      expect(Number((await api.get(path).expect(200)).headers["sluice-generation"])).toBe(newer);
    }
    const ban = { banned: true, ban_reason: "x" };
    const banned = await api.send("patch", "/api/tenants/numbered", ban).expect(200);
    expect(Number(banned.headers["sluice-generation"])).toBe(newer + 1);
    const members = [{ tenant_external_id: "numbered", type: "read" }];
    const path = "/api/clusters/numbered-too";
    const cluster = await api.send("put", path, { cluster: { cluster_tenants: members } }).expect(201);
    expect(Number(cluster.headers["sluice-generation"])).toBe(newer + 2);
    expect((await api.get(path).expect(200)).headers["sluice-generation"]).toBe(String(newer + 2));
    const deleted = await api.send("delete", path).expect(204);
    expect(deleted.headers["sluice-generation"]).toBe(String(newer + 3));
  });

  it("of a user are its tenant's, but If-None-Match: * asks whether the user is there", async () => {
    await put("absent", LISTED).expect(201);
    const user = { user: { db_password: "x", pool_size: 1 } };
    const only = { "if-none-match": "*" };
    await api.send("put", "/api/tenants/absent/users/alice", user, only).expect(412);
    await api.send("put", "/api/tenants/absent/users/bob?dry_run=true", user, only).expect(200);
    await api.send("put", "/api/tenants/absent/users/bob", user, only).expect(201);
    await api.send("put", "/api/tenants/absent/users/bob", user, only).expect(412);
  });

  it("show what a PUT would change, and change nothing", async () => {
    await put("thought", LISTED).expect(201);
    const before = await api.get("/api/tenants/thought");
    const generation = await store.generation();
    const path = "/api/tenants/thought?dry_run=true";
    const users = [{ db_user: "alice", db_password: "new", pool_size: 5 }];
    const answer = await api.send("put", path, { tenant: { db_port: 1, users } }).expect(200);
    expect(answer.body).toEqual({
      dry_run: true,
      outcome: "updated",
      difference: { db_port: { from: 5432, to: 1 }, "users.alice.db_password": "changed" },
    });
    const none = await api.send("put", path, { tenant: {} }).expect(200);
    expect(none.body).toEqual({ dry_run: true, outcome: "unchanged", difference: {} });
    await api.send("put", path, { tenant: { db_port: 0 } }).expect(422);
    await api.send("put", path, { tenant: {} }, { "if-match": '"old"' }).expect(412);
    const made = await api.send("put", "/api/tenants/new?dry_run=true", { tenant: LISTED }).expect(200);
    expect(made.body).toMatchObject({
      outcome: "created",
      difference: { db_port: { from: null, to: 5432 } },
    });
    await api.get("/api/tenants/new").expect(404);
    expect((await api.get("/api/tenants/thought")).body).toEqual(before.body);
    expect(await store.generation()).toBe(generation);
    await api.send("put", "/api/tenants/new?dry_run=maybe", { tenant: LISTED }).expect(422);
  });

  it("are lost by nobody when two replicas change the same tenant at once", async () => {
    await put("shared", { ...LISTED, default_parameter_status: {} }).expect(201);
    const generation = await store.generation();
    const fields = [
      "idle_transaction_timeout",
      "query_timeout",
      "transaction_timeout",
      "server_idle_timeout",
      "server_lifetime",
      "server_connect_timeout",
      "min_pool_size",
      "max_server_connections",
      "default_pool_size",
      "default_max_clients",
    ];
    const rounds = 4;
    const answers = await Promise.all(
      fields.flatMap((field, index) =>
        Array.from({ length: rounds }, (_, round) => {
          const target = (index + round) % 2 === 0 ? api : other;
          return target.put("shared", { [field]: 100 + round });
        }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const { body } = await other.get("/api/tenants/shared");
    // Each field has a value that somebody gave it: no PUT has put back what it had read of another's.
    for (const field of fields) expect(body.data[field]).toBeGreaterThanOrEqual(100);
    const entries = await store.rows<{ generation: string; difference: Record<string, unknown> }>(
      "SELECT generation, difference FROM sluice.audit WHERE tenant = 'shared' ORDER BY id",
    );
    const generations = entries.slice(1).map((entry) => BigInt(entry.generation));
    // Without a gap and without a fork.
    expect(generations).toEqual(generations.map((_, index) => generation + BigInt(index) + 1n));
    expect(await store.generation()).toBe(generations.at(-1) ?? generation);
    for (const entry of entries.slice(1)) expect(Object.keys(entry.difference)).toHaveLength(1);
  });

  it("let exactly one of two that know the same version change it", async () => {
    const { headers } = await put("raced", LISTED).expect(201);
    const known = { "if-match": String(headers.etag) };
    const answers = await Promise.all(
      [1, 2, 3, 4, 5, 6].map((port, index) =>
        (index % 2 === 0 ? api : other).send(
          "put",
          "/api/tenants/raced",
          { tenant: { db_port: port } },
          known,
        ),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412, 412, 412]);
  });
});
