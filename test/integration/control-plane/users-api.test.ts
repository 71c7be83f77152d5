import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, type Database } from "../../support/database.js";
import { Api } from "./api.js";
import { Region } from "./region.js";
import { Replica } from "./replica.js";
import { LISTED, MANAGED } from "./tenant-bodies.js";

describe("the API of single users", () => {
  let database: Database;
  let replica: Replica;
  let api: Api;
  let region: Region;

  beforeAll(async () => {
    database = await createDatabase();
    replica = await Replica.start(database.url);
    api = new Api(replica);
    region = await Region.appear("eu", replica, database.url);
    await api.put("listed", LISTED).expect(201);
    await api.put("managed", MANAGED).expect(201);
  });

  afterAll(async () => {
    await replica.stop();
    await database.drop();
  });

  const put = (path: string, user: unknown, headers = {}) =>
    api.send("put", `/api/tenants/${path}`, { user }, headers);

  it("adds one beside the others: 201, where it is, and never its password", async () => {
    const answer = await put("listed/users/bob", { db_password: "bob-secret", pool_size: 3, max_clients: 7 });
    expect(answer.status).toBe(201);
    expect(answer.headers.location).toBe("/api/tenants/listed/users/bob");
    expect(answer.body.data).toEqual({
      db_user: "bob",
      db_user_alias: "bob",
      db_password_set: true,
      db_password_fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
      pool_size: 3,
      is_manager: false,
      mode_type: "transaction",
      pool_checkout_timeout: 60_000,
      max_clients: 7,
    });
    const shown = await api.get(String(answer.headers.location)).expect(200);
    expect(shown.body).toEqual(answer.body);
    const tenant = (await region.directory()).find("listed");
    expect([...(tenant?.users.keys() ?? [])]).toEqual(["alice", "bob"]);
    expect(tenant?.users.get("bob")?.password()).toBe("bob-secret");
    expect(tenant?.users.get("alice")?.password()).toBe("alice-secret");
  });

  it("changes what is named and keeps the rest, the password too", async () => {
    await put("listed/users/carol", { db_password: "c", pool_size: 3, max_clients: 7 }).expect(201);
    const { body } = await put("listed/users/carol", { pool_size: 4 }).expect(200);
    expect(body.data).toMatchObject({ pool_size: 4, max_clients: 7 });
    expect((await region.directory()).find("listed")?.users.get("carol")?.password()).toBe("c");
    await put("listed/users/carol", { db_password: "d" }).expect(200);
    expect((await region.directory()).find("listed")?.users.get("carol")?.password()).toBe("d");
  });

  it("shows by a fingerprint whether a password is still the one that was written, and nothing else of it", async () => {
    const write = async (name: string, user: object): Promise<string> => {
      const { body } = await put(`listed/users/${name}`, user);
      return String(body.data.db_password_fingerprint);
    };
    const first = await write("frank", { db_password: "f", pool_size: 1 });
    expect(await write("frank", { db_password: "f", pool_size: 2 })).toBe(first);
    expect(await write("frank", { pool_size: 3 })).toBe(first);
    const second = await write("frank", { db_password: "g" });
    expect(second).not.toBe(first);
    expect(await write("frank", { db_password: "f" })).not.toBe(first);
    expect(await write("grace", { db_password: "f", pool_size: 1 })).not.toBe(first);
    // What GET shows may be sent back.
    const { body } = await api.get("/api/tenants/listed/users/frank").expect(200);
    expect((await put("listed/users/frank", body.data).expect(200)).body).toEqual(body);
    const audit = await api.get("/api/audit?tenant=listed&limit=5").expect(200);
    expect(audit.text).not.toContain("fingerprint");
  });

  it("deletes one, once", async () => {
    await put("listed/users/dave", { db_password: "d", pool_size: 1 }).expect(201);
    await api.send("delete", "/api/tenants/listed/users/dave").expect(204);
    await api.send("delete", "/api/tenants/listed/users/dave").expect(404, { error: "not found" });
    await api.get("/api/tenants/listed/users/dave").expect(404, { error: "not found" });
  });

  it("takes names that need escapes in a path", async () => {
    const name = "o'brien/ü@x.y";
    const path = `listed/users/${encodeURIComponent(name)}`;
    const made = await put(path, { db_password: "o", pool_size: 1 }).expect(201);
    expect(made.headers.location).toBe(`/api/tenants/${path}`);
    const shown = await api.get(`/api/tenants/${path}`).expect(200);
    expect(shown.body.data.db_user).toBe(name);
  });

  it("knows nothing of users of tenants that are not there", async () => {
    await put("nowhere/users/bob", { db_password: "b", pool_size: 3 }).expect(404, { error: "not found" });
    await api.get("/api/tenants/nowhere/users/bob").expect(404);
    await api.send("delete", "/api/tenants/nowhere/users/bob").expect(404);
  });

  it.each([
    ["no pool_size for a new one", { db_password: "x" }, { pool_size: ["can't be blank"] }],
    [
      "no password for a new one",
      { pool_size: 1 },
      { db_password: ["can't be blank: this user has no stored password"] },
    ],
    [
      "another name in the body",
      { db_user: "x", db_password: "x", pool_size: 1 },
      { db_user: ['must be "new", as in the path, or left out'] },
    ],
    [
      "an unknown field",
      { db_pasword: "x", pool_size: 1 },
      { db_pasword: ["is not a known field: did you mean db_password?"] },
    ],
    ["a pool of nothing", { db_password: "x", pool_size: 0 }, { pool_size: ["must be at least 1"] }],
  ])("refuses %s", async (_, user, errors) => {
    const { body } = await put("listed/users/new", user).expect(422);
    expect(body).toEqual({ errors });
  });

  it("refuses to leave a tenant that asks its database without its one manager", async () => {
    const removed = await api.send("delete", "/api/tenants/managed/users/manager").expect(422);
    expect(removed.body.errors).toEqual({
      users: ["must be exactly one user, the manager, while require_user is false"],
    });
    const demoted = await put("managed/users/manager", { is_manager: false }).expect(422);
    expect(demoted.body.errors).toEqual({ is_manager: ["must be true while require_user is false"] });
  });

  it("refuses a name that would mean a cluster", async () => {
    for (const name of ["a.cluster", "a.cluster.b"]) {
      const { body } = await put(`listed/users/${name}`, { db_password: "x", pool_size: 1 }).expect(422);
      expect(Object.keys(body.errors)).toEqual(["db_user"]);
    }
    await put("listed/users/clusters.b", { db_password: "x", pool_size: 1 }).expect(201);
  });

  it("shows what would change with dry_run, and writes nothing", async () => {
    await api.put("thought", LISTED).expect(201);
    const look = (name: string, user: unknown) => put(`thought/users/${name}?dry_run=true`, user);
    expect((await look("alice", { pool_size: 6, db_password: "new" }).expect(200)).body).toEqual({
      dry_run: true,
      outcome: "updated",
      difference: { "users.alice.pool_size": { from: 5, to: 6 }, "users.alice.db_password": "changed" },
    });
    expect((await look("alice", { pool_size: 5 }).expect(200)).body.outcome).toBe("unchanged");
    expect((await look("bob", { pool_size: 5, db_password: "b" }).expect(200)).body.outcome).toBe("created");
    await look("bob", { pool_size: 5 }).expect(422);
    expect((await api.get("/api/tenants/thought")).body.data.users).toMatchObject([{ pool_size: 5 }]);
  });

  it("keeps a tenant so small that its record can be published, whatever is added one by one", async () => {
    await api.put("large", LISTED).expect(201);
    const password = "x".repeat(65_000);
    const answers: number[] = [];
    for (let i = 0; i < 18; i++) {
      const { status, body } = await put(`large/users/u${i}`, { db_password: password, pool_size: 1 });
      answers.push(status);
      if (status !== 201) {
        expect(body.errors).toEqual({ users: ["must have passwords of at most 1048576 bytes together"] });
      }
    }
    expect(answers).toEqual([...Array.from({ length: 16 }, () => 201), 422, 422]);
    expect((await region.directory()).find("large")?.users.size).toBe(17);
    await api.delete("large").expect(204);
  });

  it("adds no more than 1,000", async () => {
    const users = Array.from({ length: 1000 }, (_, i) => ({
      db_user: `u${i}`,
      db_password: "x",
      pool_size: 1,
    }));
    await api.put("crowded", { ...LISTED, users }).expect(201);
    const { body } = await put("crowded/users/one-more", { db_password: "x", pool_size: 1 }).expect(422);
    expect(body.errors).toEqual({ users: ["must have at most 1000 items"] });
  });

  it("holds to If-Match, with the tenant's tag", async () => {
    const { headers } = await api.get("/api/tenants/listed/users/alice");
    const tag = String(headers.etag);
    const changed = await put("listed/users/alice", { pool_size: 6 }, { "if-match": tag }).expect(200);
    expect(changed.headers.etag).not.toBe(tag);
    await put("listed/users/alice", { pool_size: 7 }, { "if-match": tag }).expect(412);
    await api.send("delete", "/api/tenants/listed/users/alice", undefined, { "if-match": tag }).expect(412);
  });
});
