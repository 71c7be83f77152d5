import type { DataPlanes, PublishedOrder } from "@sluice/control-plane/tenants/index";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createDatabase, type Database } from "../../support/database.js";
import { Api } from "./api.js";
import { Region } from "./region.js";
import { METRICS_SECRET, Replica } from "./replica.js";
import { StoreProbe } from "./store-probe.js";
import { LISTED, MANAGED } from "./tenant-bodies.js";
import { makeToken } from "./tokens.js";

const BANS = [
  { address: "192.0.2.7", untilMs: 1_800_000_000_500 },
  { address: "2001:db8::1", untilMs: 1_800_000_000_000 },
];

/** One data plane that acts at once, and one that never answers. */
class TwoDataPlanes implements DataPlanes {
  readonly orders: PublishedOrder[] = [];

  settled(order: PublishedOrder) {
    this.orders.push(order);
    const done = [{ instance: "eu-1", region: "eu", counts: { sessions: 3 } }];
    return Promise.resolve({ done, outstanding: ["us-1"] });
  }

  networkBans(tenant: string) {
    return Promise.resolve(tenant === "listed" ? BANS : []);
  }

  metrics(tenant: string | undefined) {
    return Promise.resolve(`sluice_clients{tenant="${tenant ?? ""}",region="eu",instance="eu-1"} 3\n`);
  }
}

describe("orders", () => {
  const dataPlanes = new TwoDataPlanes();
  let database: Database;
  let replica: Replica;
  let api: Api;
  let region: Region;
  let store: StoreProbe;

  const tenant = async (id: string) => (await region.directory()).find(id);
  const post = (path: string, body?: unknown) => api.send("post", `/api/tenants/${path}`, body);
  const ban = (body: unknown) => api.send("patch", "/api/tenants/listed", body);

  beforeAll(async () => {
    database = await createDatabase();
    replica = await Replica.start(database.url, { dataPlanes });
    api = new Api(replica);
    store = new StoreProbe(database.url);
    region = await Region.appear("eu", replica, database.url);
  });

  beforeEach(async () => {
    await api.put("listed", LISTED);
    await api.put("managed", MANAGED);
  });

  afterAll(async () => {
    await replica.stop();
    await database.drop();
  });

  it.each([
    "get",
    "post",
  ] as const)("terminate, by %s, raises the number and says who is outstanding", async (method) => {
    const before = (await tenant("listed"))?.orders.terminateSeq ?? -1;
    const { body } = await api.send(method, "/api/tenants/listed/terminate").expect(200);
    expect((await tenant("listed"))?.orders.terminateSeq).toBe(before + 1);
    expect(body).toEqual({
      result: "outstanding",
      generation: Number(await store.generation()),
      paused_until: null,
      data_planes: [{ instance: "eu-1", region: "eu", counts: { sessions: 3 } }],
      outstanding: ["us-1"],
    });
    expect(dataPlanes.orders.at(-1)).toEqual({
      tenant: "listed",
      generation: await store.generation(),
      regions: null,
    });
  });

  it("pause until resume, or for a time; a PUT in between leaves it", async () => {
    const for_ever = await post("listed/pause").expect(200);
    expect(for_ever.body.paused_until).toBe("9999-12-31T00:00:00.000Z");
    const before = Date.now();
    const timed = await post("listed/pause", { timeout: 60_000 }).expect(200);
    const until = Date.parse(timed.body.paused_until);
    expect(until).toBeGreaterThanOrEqual(before + 60_000);
    expect(until).toBeLessThanOrEqual(Date.now() + 60_000);
    await api.put("listed", { db_port: 6001 }).expect(200);
    expect((await tenant("listed"))?.orders.pausedUntilMs).toBe(until);
    expect((await api.get("/api/tenants/listed")).body.data.paused_until).toBe(timed.body.paused_until);
    await post("listed/resume").expect(200);
    expect((await tenant("listed"))?.orders.pausedUntilMs).toBe(0);
    const generation = await store.generation();
    const again = await post("listed/resume").expect(200);
    expect(again.body).toMatchObject({ result: "ok", generation: null, outstanding: [] });
    expect(await store.generation()).toBe(generation);
    await post("listed/pause", { timeout: 0 }).expect(422);
    await post("listed/pause", { for: 10 }).expect(422);
  });

  it("ban with a reason and an end, ban again, and lift it", async () => {
    const until = "2999-01-02T03:04:05Z";
    const banned = await ban({ banned: true, ban_reason: "not paid", banned_until: until }).expect(200);
    expect(banned.body.data).toMatchObject({
      ban_reason: "not paid",
      banned_until: "2999-01-02T03:04:05.000Z",
    });
    expect(Date.parse(banned.body.data.banned_at)).toBeLessThanOrEqual(Date.now());
    expect((await tenant("listed"))?.ban).toEqual({
      reason: "not paid",
      atMs: Date.parse(banned.body.data.banned_at),
      untilMs: Date.parse(until),
    });
    // As Supavisor takes it: the words as texts.
    await ban({ banned: "true", ban_reason: "again" }).expect(200);
    expect((await tenant("listed"))?.ban).toMatchObject({ reason: "again", untilMs: undefined });
    const list = await api.get("/api/tenants?banned=true").expect(200);
    expect(list.body.data.map((one: { external_id: string }) => one.external_id)).toEqual(["listed"]);
    const lifted = await ban({ banned: false }).expect(200);
    expect(lifted.body.data).toMatchObject({ banned_at: null, ban_reason: null, banned_until: null });
    expect((await tenant("listed"))?.ban).toBeUndefined();
    await ban({ banned: "false" }).expect(200);
  });

  it.each([
    [{}, { banned: ["can't be blank"] }],
    [{ banned: "yes" }, { banned: ["must be one of true, false"] }],
    [{ banned: true }, { ban_reason: ["can't be blank"] }],
    [{ banned: true, ban_reason: "  " }, { ban_reason: ["can't be blank"] }],
    [
      { banned: true, ban_reason: "x", banned_until: "2001-01-01T00:00:00Z" },
      { banned_until: ["must be in the future"] },
    ],
    [
      { banned: true, ban_reason: "x", banned_until: "tomorrow" },
      { banned_until: ["must be a moment such as 2026-01-31T12:00:00Z"] },
    ],
    // A month, a second, an offset and a day that there are not.
    [
      { banned: true, ban_reason: "x", banned_until: "2999-13-01T00:00:00Z" },
      { banned_until: ["must be a moment such as 2026-01-31T12:00:00Z"] },
    ],
    [
      { banned: true, ban_reason: "x", banned_until: "2999-12-31T23:59:60Z" },
      { banned_until: ["must be a moment such as 2026-01-31T12:00:00Z"] },
    ],
    [
      { banned: true, ban_reason: "x", banned_until: "2999-01-01T00:00:00+99:00" },
      { banned_until: ["must be a moment such as 2026-01-31T12:00:00Z"] },
    ],
    [
      { banned: true, ban_reason: "x", banned_until: "2999-02-30T00:00:00Z" },
      { banned_until: ["must be a moment such as 2026-01-31T12:00:00Z"] },
    ],
    [{ banned: true, reason: "x" }, { reason: ["is not a known field: did you mean ban_reason?"] }],
  ])("refuse the ban %j", async (body, errors) => {
    expect((await ban(body).expect(422)).body).toEqual({ errors });
  });

  it("give the manager another name and password, and say so to data planes", async () => {
    const before = (await tenant("managed"))?.orders.credentialsSeq ?? -1;
    const outstanding = await post("managed/update_auth_credentials", {
      db_user: "keeper",
      db_password: "second-secret",
      extra: "is ignored, as by Supavisor",
    }).expect(202);
    expect(outstanding.body).toMatchObject({ result: "outstanding", outstanding: ["us-1"] });
    const after = await tenant("managed");
    expect(after?.manager).toMatchObject({ name: "keeper", manager: true, poolSize: 5 });
    expect(after?.manager?.password()).toBe("second-secret");
    expect(after?.orders.credentialsSeq).toBe(before + 1);
    const same = { db_user: "keeper", db_password: "second-secret" };
    await post("managed/update_auth_credentials", same).expect(204);
    expect((await tenant("managed"))?.orders.credentialsSeq).toBe(before + 1);
  });

  it("refuse credentials that are not asked for by auth_query", async () => {
    const credentials = { db_user: "x", db_password: "y" };
    await post("listed/update_auth_credentials", credentials).expect(400, {
      error: "Cannot update credentials for tenants with require_user: true",
    });
    await post("managed/update_auth_credentials", { db_user: "x" }).expect(422, {
      errors: { db_password: ["can't be blank"] },
    });
    await post("nowhere/update_auth_credentials", credentials).expect(404, { error: "not found" });
  });

  it("show banned addresses, and lift them one by one or all", async () => {
    const shown = await api.get("/api/tenants/listed/network_bans").expect(200);
    expect(shown.body).toEqual({
      banned_ipv4_addresses: [
        { banned_address: "192.0.2.7", banned_until: 1_800_000_001 },
        { banned_address: "2001:db8::1", banned_until: 1_800_000_000 },
      ],
    });
    const path = "/api/tenants/listed/network_bans";
    const before = Date.now();
    const one = await api.send("delete", path, { ipv4_addresses: ["192.0.2.7"] }).expect(200);
    expect(one.body.banned_ipv4_addresses).toHaveLength(1);
    // As terminate does: who has done it, and who will when he is back.
    const { data_planes: done, outstanding, result, generation } = one.body;
    expect([done.length, outstanding.length, result]).toEqual([1, 1, "outstanding"]);
    expect(generation).toBeGreaterThan(0);
    const orders = (await tenant("listed"))?.orders;
    expect([...(orders?.clearedBans.keys() ?? [])]).toEqual(["192.0.2.7"]);
    expect(orders?.clearedBans.get("192.0.2.7")).toBeGreaterThanOrEqual(before);
    const all = await api.send("delete", path, { all: true }).expect(200);
    expect(all.body).toMatchObject({ banned_ipv4_addresses: [], result: "outstanding" });
    for (const nothing of [{}, { all: false }]) {
      const refused = await api.send("delete", path, nothing).expect(422);
      expect(refused.body.errors).toEqual({ ipv4_addresses: ["can't be blank, unless all is true"] });
    }
    expect((await tenant("listed"))?.orders.bansClearedAtMs).toBeGreaterThanOrEqual(before);
    await api.send("delete", path, {}).expect(422);
    await api.send("delete", path, { ipv4_addresses: ["nowhere"] }).expect(422);
    await api
      .send("delete", "/api/tenants/nowhere/network_bans", { ipv4_addresses: ["192.0.2.7"] })
      .expect(404, { error: "Tenant not found" });
    await api.get("/api/tenants/nowhere/network_bans").expect(404, { error: "not found" });
  });

  it("are 404 for a tenant that is not there", async () => {
    for (const order of ["terminate", "pause", "resume"]) {
      await post(`nowhere/${order}`).expect(404, { error: "not found" });
    }
    await api
      .send("patch", "/api/tenants/nowhere", { banned: true, ban_reason: "x" })
      .expect(404, { error: "not found" });
  });

  it("stand beside what data planes tell of a tenant, in Prometheus' format", async () => {
    const headers = { authorization: `Bearer ${await makeToken({}, { secret: METRICS_SECRET })}` };
    const { text } = await api.send("get", "/metrics/listed", undefined, headers).expect(200);
    expect(text).toBe('sluice_clients{tenant="listed",region="eu",instance="eu-1"} 3\n# EOF\n');
    const all = await api.send("get", "/metrics", undefined, headers).expect(200);
    expect(all.text).toContain('sluice_clients{tenant="",region="eu",instance="eu-1"} 3\n# EOF\n');
  });
});
