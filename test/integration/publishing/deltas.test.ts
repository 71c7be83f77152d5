import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createDatabase, type Database } from "../../support/database.js";
import { Api } from "../control-plane/api.js";
import { Replica } from "../control-plane/replica.js";
import { StoreProbe } from "../control-plane/store-probe.js";
import { LISTED } from "../control-plane/tenant-bodies.js";
import { Follower } from "./follower.js";

describe("what is published", () => {
  let database: Database;
  let replica: Replica;
  let other: Replica;
  let api: Api;
  let store: StoreProbe;
  let followers: Follower[];

  beforeAll(async () => {
    database = await createDatabase();
    replica = await Replica.start(database.url);
    other = await Replica.start(database.url, { trust: replica.trust });
    api = new Api(replica);
    store = new StoreProbe(database.url);
  });

  afterAll(async () => {
    await replica.stop();
    await other.stop();
    await database.drop();
  });

  beforeEach(() => {
    followers = [];
  });

  afterEach(async () => {
    for (const follower of followers) await follower.close();
    for (const { external_id } of await store.rows<{ external_id: string }>(
      "SELECT external_id FROM sluice.tenants",
    )) {
      await api.delete(external_id).expect(204);
    }
  });

  async function join(region: string, name = "one"): Promise<Follower> {
    const follower = await Follower.join(region, name, replica.trust);
    followers.push(follower);
    await follower.catchUp(replica.publisher);
    return follower;
  }

  const put = (id: string, more: Readonly<Record<string, unknown>> = {}) =>
    api.put(id, { ...LISTED, ...more });

  it("reaches who holds the state before as one small delta, with what was touched, and nobody else at all", async () => {
    await put("a").expect(201);
    await put("b").expect(201);
    const [here, there] = [await join("here"), await join("there")];
    expect([here.tenants, there.tenants]).toEqual([
      ["a", "b"],
      ["a", "b"],
    ]);
    await put("a", { db_host: "changed.example", regions: ["here"] }).expect(200);
    const { kinds, deltaBytes } = await here.catchUp(replica.publisher);
    expect(kinds).toEqual(["deltas", "current"]);
    expect(deltaBytes).toBeLessThan(2048);
    expect([...(here.changes.at(-1)?.upsert.keys() ?? [])]).toEqual(["tenant/a"]);
    expect((await there.catchUp(replica.publisher)).kinds).toEqual(["deltas", "current"]);
    expect(there.changes.at(-1)?.remove).toEqual(["tenant/a"]);
    const untouched = there.generation;
    await put("a", { db_host: "again.example" }).expect(200);
    await api.delete("a").expect(204);
    expect((await here.catchUp(replica.publisher)).kinds).toEqual(["deltas", "current"]);
    expect((await there.catchUp(replica.publisher)).kinds).toEqual(["current"]);
    expect(there.generation).toBe(untouched);
    expect(here.generation).toBeGreaterThan(there.generation ?? 0n);
    expect([here.tenants, there.tenants]).toEqual([["b"], ["b"]]);
  });

  it("leads a tenant that moves out of one scope and into the other, and a cluster with it", async () => {
    await put("mover", { regions: ["west"] }).expect(201);
    await put("stays", { regions: ["east"] }).expect(201);
    const members = ["mover", "stays"].map((tenant) => ({
      tenant_external_id: tenant,
      type: "read",
      active: true,
    }));
    await api
      .send("put", "/api/clusters/both", { cluster: { active: true, cluster_tenants: members } })
      .expect(201);
    const [west, east] = [await join("west"), await join("east")];
    expect(west.records).toEqual({ "cluster/both": "mover", "tenant/mover": LISTED.db_host });
    expect(east.records).toEqual({ "cluster/both": "stays", "tenant/stays": LISTED.db_host });
    await api.put("mover", { regions: ["east"] }).expect(200);
    for (const follower of [west, east]) {
      expect((await follower.catchUp(replica.publisher)).kinds).toEqual(["deltas", "current"]);
    }
    expect(west.records).toEqual({});
    expect(east.records).toMatchObject({ "cluster/both": "mover,stays", "tenant/mover": LISTED.db_host });
    await api.send("delete", "/api/clusters/both").expect(204);
  });

  it("is resumed by deltas, also through a replica that has just started, and by a snapshot beyond the window", async () => {
    await put("a").expect(201);
    const [late, latest] = [await join("resume", "late"), await join("resume", "latest")];
    for (const port of [1, 2, 3]) {
      await api.put("a", { db_port: port }).expect(200);
      await replica.publisher.since(late.scope, { held: undefined, name: "tests/nobody" });
    }
    const fresh = await Replica.start(database.url, { trust: replica.trust });
    await api.put("a", { db_host: "newest.example" }).expect(200);
    const { kinds } = await late.catchUp(fresh.publisher);
    expect([...new Set(kinds)]).toEqual(["deltas", "current"]);
    expect(late.changes.length).toBe(5);
    expect(late.records).toEqual({ "tenant/a": "newest.example" });
    await store.rows("DELETE FROM sluice.deltas WHERE scope = $1", [late.scope]);
    const second = await Replica.start(database.url, { trust: replica.trust });
    expect((await latest.catchUp(second.publisher)).kinds).toEqual(["snapshot", "current"]);
    expect(latest.records).toEqual(late.records);
    await fresh.stop();
    await second.stop();
  });

  it("is one snapshot and the deltas since for those that come empty, and not a snapshot for each", async () => {
    await put("a").expect(201);
    await join("shared", "first");
    const bases =
      "SELECT count(*)::int AS count FROM sluice.published_states WHERE scope = 'region:shared' AND chunk_hashes IS NOT NULL";
    await api.put("a", { db_port: 7 }).expect(200);
    const second = await Follower.join("shared", "second", replica.trust);
    followers.push(second);
    expect((await second.catchUp(replica.publisher)).kinds).toEqual(["snapshot", "deltas", "current"]);
    expect(await store.rows(bases)).toEqual([{ count: 1 }]);
    // Through the other replica, which has nothing of it in memory.
    const third = await Follower.join("shared", "third", replica.trust);
    followers.push(third);
    expect((await third.catchUp(other.publisher)).kinds).toEqual(["snapshot", "deltas", "current"]);
    expect(await store.rows(bases)).toEqual([{ count: 1 }]);
  });

  it("is nothing older than its mark to one that has lost its state", async () => {
    await put("a").expect(201);
    const follower = await join("lost");
    await api.put("a", { db_host: "newer.example" }).expect(200);
    await follower.catchUp(replica.publisher);
    const held = follower.generation;
    await follower.loseState();
    expect(follower.generation).toBeUndefined();
    expect((await follower.catchUp(replica.publisher)).kinds).toEqual(["snapshot", "current"]);
    expect([follower.generation, follower.records]).toEqual([held, { "tenant/a": "newer.example" }]);
  });

  it("is a snapshot where a change is too large for a delta", async () => {
    const follower = await join("large");
    const texts = Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [`application.name_${index}`, "x".repeat(900)]),
    );
    for (let index = 0; index < 45; index += 1) {
      await put(`large-${index}`, { regions: ["large"], default_parameter_status: texts }).expect(201);
    }
    expect((await follower.catchUp(replica.publisher)).kinds).toEqual(["snapshot", "current"]);
    expect(follower.tenants.length).toBe(45);
  });

  it("is the same chain of states whichever replica signs: nothing twice, nothing left out", async () => {
    await put("busy").expect(201);
    const [mine, yours] = [await join("chain", "mine"), await join("chain", "yours")];
    const otherApi = new Api(other);
    const writes = Array.from({ length: 30 }, (_, index) =>
      (index % 2 === 0 ? api : otherApi).put(`chain-${index % 7}`, {
        ...LISTED,
        db_port: index + 1,
        regions: ["chain"],
      }),
    );
    const follow = async (follower: Follower, publisher: Replica["publisher"]): Promise<void> => {
      for (let round = 0; round < 20; round += 1) await follower.catchUp(publisher);
    };
    await Promise.all([
      ...writes.map(async (write) => expect([200, 201, 409, 412]).toContain((await write).status)),
      follow(mine, replica.publisher),
      follow(yours, other.publisher),
    ]);
    await mine.catchUp(replica.publisher);
    await yours.catchUp(other.publisher);
    expect(mine.records).toEqual(yours.records);
    expect(mine.generation).toBe(yours.generation);
    const rows = await store.rows<{
      generation: string;
      from_generation: string | null;
      before: string | null;
    }>(
      `SELECT p.generation, d.from_generation, lag(p.generation) OVER (ORDER BY p.generation) AS before
       FROM sluice.published_states p LEFT JOIN sluice.deltas d USING (scope, epoch, generation)
       WHERE p.scope = 'region:chain' ORDER BY p.generation`,
    );
    expect(rows.length).toBeGreaterThan(3);
    for (const { from_generation, before } of rows) expect(from_generation).toBe(before);
    // And what is served is what is stored.
    const stored = await store.rows<{ id: string }>(
      "SELECT id FROM sluice.records WHERE scope = 'region:chain'",
    );
    expect(Object.keys(mine.records)).toEqual(stored.map(({ id }) => id).sort());
  });

  it("takes many removals as they were asked for: by a delta, and by a snapshot that says so", async () => {
    for (let index = 0; index < 30; index += 1) await put(`many-${index}`, { regions: ["many"] }).expect(201);
    const [near, far] = [await join("many", "near"), await join("many", "far")];
    for (let index = 0; index < 25; index += 1) await api.delete(`many-${index}`).expect(204);
    expect((await near.catchUp(replica.publisher)).kinds).toEqual(["deltas", "current"]);
    expect(near.tenants.length).toBe(5);
    await store.rows("DELETE FROM sluice.deltas WHERE scope = 'region:many'");
    expect((await far.catchUp(other.publisher)).kinds).toEqual(["snapshot", "current"]);
    expect(far.tenants).toEqual(near.tenants);
  });
});
