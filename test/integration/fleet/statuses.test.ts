import { makeNodeKey, rawNodePublicKey } from "@sluice/shared/secrets";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Database } from "../../support/database.js";
import { copyOfDatabase } from "../../support/database-copy.js";
import { ShiftedClock } from "../../support/shifted-clock.js";
import { Api } from "../control-plane/api.js";
import type { Replica } from "../control-plane/replica.js";
import { StoreProbe } from "../control-plane/store-probe.js";
import { LISTED } from "../control-plane/tenant-bodies.js";
import { FleetRig, hasStatus, serves, shown } from "./fleet-rig.js";

/** What operators see of a data plane that is not as it should be. Each comes about as it would. */
describe("GET /api/fleet shows", () => {
  let rig: FleetRig;
  let replica: Replica;
  let api: Api;
  const copies: Database[] = [];

  beforeEach(async () => {
    rig = await FleetRig.open();
    replica = await rig.startReplica();
    api = new Api(replica);
    await api.put("listed", LISTED).expect(201);
  });

  afterEach(async () => {
    await rig.close();
    for (const copy of copies.splice(0)) await copy.drop();
  });

  const store = () => new StoreProbe(rig.database.url);

  it("STALE when no heartbeat has vouched for a minute, and SYNCED again once one does", async () => {
    // One heartbeat with the connection, and then none.
    const silent = await rig.startReplica({ heartbeatIntervalMs: 3_600_000 });
    const clock = new ShiftedClock();
    const dataPlane = await rig.startDataPlane({ replica: silent, clock });
    await hasStatus(replica, dataPlane, "SYNCED");
    clock.laterByMs = 61_000;
    const found = await hasStatus(replica, dataPlane, "STALE");
    expect(found.freshness_age_ms).toBeGreaterThan(60_000);
    await dataPlane.stop();
    await hasStatus(replica, dataPlane, "OFFLINE");
    const again = await rig.startDataPlane({ replica, folder: dataPlane.folder });
    await hasStatus(replica, again, "SYNCED");
  });

  it("QUARANTINE(n) for records that cannot be used, until they are written again", async () => {
    await api.put("other", LISTED).expect(201);
    await replica.publisher.ensureScope("region:eu");
    await store().rows(
      "UPDATE sluice.records SET body = '\\xff' WHERE id IN ('tenant/listed', 'tenant/other')",
    );
    const dataPlane = await rig.startDataPlane();
    const found = await hasStatus(replica, dataPlane, "QUARANTINE(2)");
    expect([...found.quarantined].sort()).toEqual(["tenant/listed", "tenant/other"]);
    expect(found.lag.generations).toBe(0);
    await api.put("listed", { db_port: 1 }).expect(200);
    await serves(dataPlane, "listed");
    await hasStatus(replica, dataPlane, "QUARANTINE(1)");
    await api.put("other", { db_port: 1 }).expect(200);
    await hasStatus(replica, dataPlane, "SYNCED");
  });

  it("NACKED with the code of what was refused, and SYNCED once it is mended", async () => {
    for (let index = 0; index < 30; index += 1) await api.put(`many-${index}`, LISTED).expect(201);
    const dataPlane = await rig.startDataPlane();
    await serves(dataPlane, "many-29");
    await dataPlane.stop();
    // As after a mistake in the database: the records are gone, and no DELETE has left a trace.
    await store().rows("DELETE FROM sluice.records WHERE id LIKE 'tenant/many-%'");
    await store().rows("DELETE FROM sluice.deltas");
    await api.put("listed", { db_port: 1 }).expect(200);
    const fresh = await rig.startReplica();
    const again = await rig.startDataPlane({ replica: fresh, folder: dataPlane.folder });
    const found = await hasStatus(replica, again, "NACKED(MASS_REMOVAL)");
    expect(found.nack).toMatchObject({ code: "MASS_REMOVAL", generation: found.newest_generation });
    expect(again.directory.find("many-29")).toBeDefined();
    // An operator allows it: docs/keys.md.
    await store().rows("UPDATE sluice.scopes SET mass_removal_until = now() + interval '10 minutes'");
    await again.stop();
    const allowed = await rig.startDataPlane({ replica: fresh, folder: dataPlane.folder });
    await hasStatus(replica, allowed, "SYNCED");
    expect(allowed.directory.find("many-29")).toBeUndefined();
  });

  it("INCOMPATIBLE for one that does not read the published schema", async () => {
    const instance = "from-the-past-0";
    const { calls } = await rig.strangeClient(replica);
    const request = {
      instance,
      publicKey: Uint8Array.from(rawNodePublicKey(makeNodeKey().key)),
      build: "0.0.1",
      maxSchemaVersion: 0,
    };
    const seen: string[] = [];
    const watching = (async () => {
      for await (const { event } of calls.watch(request)) seen.push(String(event.case));
    })();
    await expect(watching).rejects.toThrow(/INCOMPATIBLE/);
    expect(seen).toEqual([]);
    const { body } = await api.get(`/api/fleet/instances/pods/${instance}`).expect(200);
    expect(body.data).toMatchObject({ status: "INCOMPATIBLE", build: "0.0.1", acked: null });
  });

  it("AHEAD in a database that was restored, and FORKED where another state has the same number", async () => {
    const dataPlane = await rig.startDataPlane();
    await serves(dataPlane, "listed");
    await hasStatus(replica, dataPlane, "SYNCED");
    await dataPlane.stop();
    await rig.stopReplica(replica);
    const copy = await copyOfDatabase(rig.database);
    copies.push(copy);
    // Life goes on behind the dump.
    const later = await rig.startReplica();
    await new Api(later).put("later", LISTED).expect(201);
    const led = await rig.startDataPlane({ replica: later, folder: dataPlane.folder });
    await serves(led, "later");
    await led.stop();
    await rig.stopReplica(later);

    const restored = await rig.startReplica({}, { databaseUrl: copy.url });
    const ahead = await rig.startDataPlane({ replica: restored, folder: dataPlane.folder });
    await hasStatus(restored, ahead, "AHEAD");
    await ahead.stop();
    // Not closed yet by anybody, and written to: another state has the number that is held.
    const probe = new StoreProbe(copy.url);
    await probe.rows(
      "UPDATE sluice.scopes SET ahead_epoch = NULL, ahead_generation = NULL, ahead_root = NULL",
    );
    await new Api(restored).put("elsewhere", LISTED).expect(201);
    const fresh = await rig.startDataPlane({ replica: restored });
    await serves(fresh, "elsewhere");
    const forked = await rig.startDataPlane({ replica: restored, folder: dataPlane.folder });
    const held = forked.subscription.status().generation;
    expect(held).toBe(fresh.subscription.status().generation);
    await hasStatus(restored, forked, "FORKED");
    expect(forked.directory.find("later")).toBeDefined();
    expect(forked.directory.find("elsewhere")).toBeUndefined();
    // The region is closed: nobody is sent anything.
    await new Api(restored).put("closed", LISTED).expect(201);
    await hasStatus(restored, fresh, "BEHIND");
  });

  it("OFFLINE 35 s after the last sign of a control plane that held the stream, and not before", async () => {
    const dataPlane = await rig.startDataPlane();
    await hasStatus(replica, dataPlane, "SYNCED");
    const clock = new ShiftedClock();
    const view = await rig.startReplica({}, { clock });
    const statusAfter = async (ms: number): Promise<string> => {
      clock.laterByMs = ms;
      return (await shown(view, dataPlane)).status;
    };
    // It goes on being seen meanwhile, now and then: the moment before is left some room.
    expect(await statusAfter(25_000)).toBe("SYNCED");
    expect(await statusAfter(35_000)).toBe("OFFLINE");
    expect((await shown(replica, dataPlane)).status).toBe("SYNCED");
  });
});
