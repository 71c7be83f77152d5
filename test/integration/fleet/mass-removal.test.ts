import { allowMassRemoval, makeDataSource } from "@sluice/control-plane/persistence/index";
import { silentLogger } from "@sluice/shared/observability";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Api } from "../control-plane/api.js";
import type { Replica } from "../control-plane/replica.js";
import { StoreProbe } from "../control-plane/store-probe.js";
import { LISTED } from "../control-plane/tenant-bodies.js";
import { FleetRig, hasStatus, type RigDataPlane, serves } from "./fleet-rig.js";

const ACTOR = { subject: "night shift", jti: null, tokenId: "command", requestId: "r" };

describe("a data plane that has refused to drop many tenants", () => {
  let rig: FleetRig;
  let replica: Replica;
  let api: Api;
  let dataPlane: RigDataPlane;
  let other: RigDataPlane;

  beforeEach(async () => {
    rig = await FleetRig.open();
    const before = await rig.startReplica();
    for (let index = 0; index < 40; index += 1)
      await new Api(before).put(`many-${index}`, LISTED).expect(201);
    const synced = await rig.startDataPlane({ replica: before });
    await serves(synced, "many-39");
    await synced.stop();
    await rig.stopReplica(before);
    // As after a mistake in the database: they are gone, and no DELETE has left a trace.
    const store = new StoreProbe(rig.database.url);
    for (const [table, id] of [
      ["records", "id LIKE 'tenant/many-%'"],
      ["tenants", "external_id LIKE 'many-%'"],
      ["deltas", "true"],
    ]) {
      await store.rows(`DELETE FROM sluice.${table} WHERE ${id}`);
    }
    replica = await rig.startReplica({ heartbeatIntervalMs: 200 });
    api = new Api(replica);
    await api.put("later-0", LISTED).expect(201);
    dataPlane = await rig.startDataPlane({ replica, folder: synced.folder });
    await hasStatus(replica, dataPlane, "NACKED(MASS_REMOVAL)");
    other = await rig.startDataPlane({ replica });
  });

  afterEach(() => rig.close());

  const refusals = () =>
    dataPlane.logger.entries
      .filter(({ message }) => message === "configuration refused")
      .map(({ fields }) => `${fields["message"]}: ${fields["refusal"]}`);
  const connections = () => dataPlane.logger.count("connected to the control plane");

  it("keeps its connection, its code and what it has, whatever else changes, and is not sent the same again", async () => {
    for (let index = 1; index < 6; index += 1) {
      await api.put(`later-${index}`, LISTED).expect(201);
      await serves(other, `later-${index}`);
    }
    await hasStatus(replica, other, "SYNCED");
    await hasStatus(replica, dataPlane, "NACKED(MASS_REMOVAL)");
    expect([connections(), refusals()]).toEqual([1, ["chunk: MASS_REMOVAL"]]);
    expect(dataPlane.directory.find("many-39")).toBeDefined();
  });

  it("takes it on that connection once an operator says that they are to go", async () => {
    await api.put("later-1", LISTED).expect(201);
    await serves(other, "later-1");
    const dataSource = makeDataSource({ url: rig.database.url, poolSize: 1, logger: silentLogger });
    await dataSource.initialize();
    const now = new Date();
    const until = new Date(now.getTime() + 60_000);
    await allowMassRemoval(dataSource, { scope: "region:eu", until, actor: ACTOR, now });
    await dataSource.destroy();
    await hasStatus(replica, dataPlane, "SYNCED");
    expect(connections()).toBe(1);
    expect([dataPlane.directory.find("many-39"), dataPlane.directory.find("later-1")]).toEqual([
      undefined,
      expect.anything(),
    ]);
  });

  it("takes what is published on that connection once they are there again", async () => {
    for (let index = 0; index < 40; index += 1) await api.put(`many-${index}`, LISTED).expect(201);
    await hasStatus(replica, dataPlane, "SYNCED");
    // On the way snapshots are tried in which too many are missing still, and changes may be behind them.
    expect(refusals().filter((refused) => !refused.endsWith(": MASS_REMOVAL"))).toEqual([]);
    expect(connections()).toBe(1);
    expect(dataPlane.directory.find("later-0")).toBeDefined();
  });
});
