import { allowMassRemoval, makeDataSource } from "@sluice/control-plane/persistence/index";
import { silentLogger } from "@sluice/shared/observability";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createDatabase, type Database } from "../../support/database.js";
import { copyOfDatabase } from "../../support/database-copy.js";
import { Api } from "../control-plane/api.js";
import { Replica } from "../control-plane/replica.js";
import { StoreProbe } from "../control-plane/store-probe.js";
import { LISTED } from "../control-plane/tenant-bodies.js";
import { Trust } from "../control-plane/trust.js";
import { Follower } from "./follower.js";
import { HeldSigner } from "./held-signer.js";

const ACTOR = { subject: "night shift", jti: null, tokenId: "command", requestId: "r" };

describe("a control plane whose database was restored", () => {
  let trust: Trust;
  let database: Database;
  let restored: Database;
  let replica: Replica;
  let follower: Follower;
  let late: Follower;
  const replicas: Replica[] = [];

  async function start(url: string, by: Trust): Promise<Replica> {
    const started = await Replica.start(url, { trust: by });
    replicas.push(started);
    return started;
  }

  beforeAll(async () => {
    trust = await Trust.make();
  });

  beforeEach(async () => {
    database = await createDatabase();
    const first = await Replica.start(database.url, { trust });
    const api = new Api(first);
    await api.put("kept", LISTED).expect(201);
    follower = await Follower.join("here", "follower", trust);
    late = await Follower.join("here", "late", trust);
    await follower.catchUp(first.publisher);
    await late.catchUp(first.publisher);
    await first.stop();
    restored = await copyOfDatabase(database);
    const second = await Replica.start(database.url, { trust });
    for (let index = 0; index < 5; index += 1) {
      await new Api(second).put(`lost-${index}`, LISTED).expect(201);
      await follower.catchUp(second.publisher);
    }
    await second.stop();
    replica = await start(restored.url, trust);
  });

  afterEach(async () => {
    for (const started of replicas.splice(0)) await started.stop();
    await follower.close();
    await late.close();
    await database.drop();
    await restored.drop();
  });

  afterAll(() => undefined);

  it("publishes nothing once a data plane shows more than its history knows, also when it has passed it", async () => {
    const held = follower.generation ?? 0n;
    expect((await follower.catchUp(replica.publisher)).kinds).toEqual(["ahead"]);
    const api = new Api(replica);
    for (let index = 0; index < 8; index += 1) await api.put(`new-${index}`, LISTED).expect(201);
    const store = new StoreProbe(restored.url);
    expect(await store.generation()).toBeGreaterThan(held);
    const states = "SELECT epoch, generation FROM sluice.published_states ORDER BY 1, 2";
    const before = await store.rows(states);
    // Neither the one that is ahead, nor one that is not, nor an empty one, nor through another replica.
    const other = await start(restored.url, trust);
    const empty = await Follower.join("here", "empty", trust);
    for (const { publisher } of [replica, other]) {
      expect((await follower.catchUp(publisher)).kinds).toEqual(["ahead"]);
      expect((await late.catchUp(publisher)).kinds).toEqual(["frozen"]);
      expect((await empty.catchUp(publisher)).kinds).toEqual(["frozen"]);
    }
    await empty.close();
    expect(await store.rows(states)).toEqual(before);
    const [ahead] = await store.rows(
      "SELECT ahead_epoch, ahead_generation, ahead_reporter FROM sluice.scopes",
    );
    expect(ahead).toEqual({
      ahead_epoch: "1",
      ahead_generation: String(held),
      ahead_reporter: "tests/follower",
    });
    expect(follower.tenants).toContain("lost-4");

    // The documented way out: a keyset with a higher epoch.
    const raised = await trust.raised(2n);
    for (const publisher of [replica.publisher, other.publisher]) publisher.useSigning(raised);
    expect((await follower.catchUp(other.publisher)).kinds).toEqual(["snapshot", "current"]);
    expect((await late.catchUp(replica.publisher)).kinds.at(-1)).toBe("current");
    expect(follower.tenants).toEqual(["kept", ...Array.from({ length: 8 }, (_, index) => `new-${index}`)]);
    expect(late.records).toEqual(follower.records);
    expect(follower.configuration.held?.epoch).toBe(2n);
    await api.put("after", LISTED).expect(201);
    expect((await follower.catchUp(replica.publisher)).kinds).toEqual(["deltas", "current"]);
  });

  it("leaves other scopes alone", async () => {
    const elsewhere = await Follower.join("elsewhere", "elsewhere", trust);
    expect((await follower.catchUp(replica.publisher)).kinds).toEqual(["ahead"]);
    expect((await elsewhere.catchUp(replica.publisher)).kinds).toEqual(["snapshot", "current"]);
    await new Api(replica).put("more", LISTED).expect(201);
    expect((await elsewhere.catchUp(replica.publisher)).kinds).toEqual(["deltas", "current"]);
    await elsewhere.close();
  });

  it("is found out by the mark, too, of a data plane that has lost its state", async () => {
    await follower.loseState();
    expect((await follower.catchUp(replica.publisher)).kinds).toEqual(["ahead"]);
    expect((await late.catchUp(replica.publisher)).kinds).toEqual(["frozen"]);
  });

  it("is found out while it runs: its memory is no history", async () => {
    // The same process, and the database under it goes back.
    const store = new StoreProbe(restored.url);
    const api = new Api(replica);
    await api.put("seen", LISTED).expect(201);
    expect((await late.catchUp(replica.publisher)).kinds).toEqual(["deltas", "current"]);
    const held = late.generation;
    await store.rows("DELETE FROM sluice.published_states WHERE generation = $1", [String(held)]);
    await store.rows("DELETE FROM sluice.deltas WHERE generation = $1", [String(held)]);
    await api.put("seen", { db_port: 1 }).expect(200);
    expect((await late.catchUp(replica.publisher)).kinds).toEqual(["ahead"]);
  });
});

describe("a snapshot that drops many tenants", () => {
  it("is refused when nobody has removed them, until an operator says that they are to go", async () => {
    const database = await createDatabase();
    const trust = await Trust.make();
    const replica = await Replica.start(database.url, { trust });
    const api = new Api(replica);
    for (let index = 0; index < 30; index += 1) await api.put(`t${index}`, LISTED).expect(201);
    const follower = await Follower.join("here", "follower", trust);
    await follower.catchUp(replica.publisher);
    const store = new StoreProbe(database.url);
    // As after a mistake in the database: the records are gone, and no DELETE has left a trace.
    await store.rows("DELETE FROM sluice.records WHERE id <> 'tenant/t0'");
    await api.put("t0", { db_port: 1 }).expect(200);
    await store.rows("DELETE FROM sluice.deltas");
    const fresh = await Replica.start(database.url, { trust });
    await expect(follower.catchUp(fresh.publisher)).rejects.toMatchObject({ refusal: "MASS_REMOVAL" });
    expect(follower.tenants.length).toBe(30);

    const dataSource = makeDataSource({ url: database.url, poolSize: 1, logger: silentLogger });
    await dataSource.initialize();
    const now = new Date();
    const until = new Date(now.getTime() + 60_000);
    const allow = (scope: string) => allowMassRemoval(dataSource, { scope, until, actor: ACTOR, now });
    expect(await allow("region:nowhere")).toBeUndefined();
    expect(await allow("region:here")).toBeGreaterThan(0n);
    await dataSource.destroy();
    expect((await follower.catchUp(fresh.publisher)).kinds.at(-1)).toBe("current");
    expect(follower.tenants).toEqual(["t0"]);
    const audit = await api.get("/api/audit").expect(200);
    expect(JSON.stringify(audit.body)).toContain("scope.mass_removal_allowed");
    await follower.close();
    await fresh.stop();
    await replica.stop();
    await database.drop();
  });
});

describe("config keys", () => {
  let database: Database;
  let trust: Trust;
  let replica: Replica;
  let follower: Follower;
  let api: Api;

  beforeEach(async () => {
    database = await createDatabase();
    trust = await Trust.make();
    replica = await Replica.start(database.url, { trust });
    api = new Api(replica);
    await api.put("a", LISTED).expect(201);
    follower = await Follower.join("here", "follower", trust);
    await follower.catchUp(replica.publisher);
  });

  afterEach(async () => {
    await replica.stop();
    await follower.close();
    await database.drop();
  });

  it("are rotated, and revoked, while data planes follow: they are led on by deltas all the time", async () => {
    const both = await trust.changed({ version: 2n, newKey: true, keepsOld: true });
    // The keyset first, signed with the old key still; then the new key.
    replica.publisher.useSigning({ signer: trust.signer, keyset: both.keyset });
    await api.put("a", { db_port: 1 }).expect(200);
    expect((await follower.catchUp(replica.publisher)).kinds).toEqual(["deltas", "current"]);
    replica.publisher.useSigning(both);
    await api.put("a", { db_port: 2 }).expect(200);
    expect((await follower.catchUp(replica.publisher)).kinds).toEqual(["deltas", "current"]);
    const alone = await both.changed({ version: 3n });
    replica.publisher.useSigning(alone);
    await api.put("a", { db_port: 3 }).expect(200);
    expect((await follower.catchUp(replica.publisher)).kinds).toEqual(["deltas", "current"]);
    expect(follower.configuration.keysetVersion).toBe(3n);
    await follower.restart();
    expect(follower.records).toEqual({ "tenant/a": LISTED.db_host });
  });

  it("that are revoked leave nothing behind that is still served: one that was away gets a snapshot", async () => {
    await api.put("a", { db_host: "by-the-old-key.example" }).expect(200);
    // Published, and stored, under the key that is revoked then.
    const before = await Follower.join("here", "before", trust);
    await before.catchUp(replica.publisher);
    const alone = await trust.changed({ version: 2n, newKey: true });
    replica.publisher.useSigning(alone);
    await follower.restart();
    expect(follower.records).toEqual({ "tenant/a": LISTED.db_host });
    expect((await follower.catchUp(replica.publisher)).kinds).toEqual(["snapshot", "current"]);
    expect(follower.records).toEqual({ "tenant/a": "by-the-old-key.example" });
    // And the one that held it goes on without.
    await api.put("a", { db_host: "new.example" }).expect(200);
    expect((await before.catchUp(replica.publisher)).kinds).toEqual(["deltas", "current"]);
    await before.close();
  });

  it("that are revoked in the middle of a signature have signed nothing that is sent from then on", async () => {
    const { held } = follower.configuration;
    if (held === undefined) throw new Error("it holds nothing");
    const holder = {
      held: { epoch: held.epoch, generation: held.generation, stateRoot: held.root },
      name: "tests/another",
    };
    const signer = new HeldSigner(trust.signer);
    replica.publisher.useSigning({ signer, keyset: trust.keyset });
    await api.put("a", { db_host: "by-the-old-key.example" }).expect(200);
    const publishing = replica.publisher.since(follower.scope, holder);
    await signer.asked;
    replica.publisher.useSigning(await trust.changed({ version: 2n, newKey: true }));
    signer.release();
    await publishing;
    expect((await follower.catchUp(replica.publisher)).kinds).toEqual(["snapshot", "current"]);
    expect(follower.records).toEqual({ "tenant/a": "by-the-old-key.example" });
  });

  it("that are for some regions sign for no other, and data planes there would refuse it", async () => {
    const limited = await trust.changed({ version: 2n, scopes: ["region:elsewhere"] });
    replica.publisher.useSigning(limited);
    await expect(follower.catchUp(replica.publisher)).rejects.toMatchObject({ code: "EKEYNOTFORSCOPE" });
    await expect(replica.publisher.signHeartbeat(follower.scope)).rejects.toMatchObject({
      code: "EKEYNOTFORSCOPE",
    });
    const elsewhere = await Follower.join("elsewhere", "elsewhere", trust);
    expect((await elsewhere.catchUp(replica.publisher)).kinds).toEqual(["snapshot", "current"]);
    await elsewhere.close();
  });
});
