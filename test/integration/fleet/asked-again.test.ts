import { type Clock, systemClock } from "@sluice/shared/time";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Api } from "../control-plane/api.js";
import type { Replica } from "../control-plane/replica.js";
import { LISTED } from "../control-plane/tenant-bodies.js";
import { FleetRig, hasStatus, serves } from "./fleet-rig.js";

const TWO_YEARS_MS = 2 * 365 * 24 * 3_600_000;

describe("what a data plane has refused", () => {
  let rig: FleetRig;
  let replica: Replica;
  let api: Api;

  beforeEach(async () => {
    rig = await FleetRig.open();
    replica = await rig.startReplica({ heartbeatIntervalMs: 200 });
    api = new Api(replica);
    await api.put("listed", LISTED).expect(201);
  });

  afterEach(() => rig.close());

  it("is asked for again when the reason is gone, with no other change: its clock is right again", async () => {
    let aheadMs = 0;
    const clock: Clock = { ...systemClock, now: () => systemClock.now() + aheadMs };
    const dataPlane = await rig.startDataPlane({ clock });
    await hasStatus(replica, dataPlane, "SYNCED");
    aheadMs = TWO_YEARS_MS;
    await api.put("later", LISTED).expect(201);
    await hasStatus(replica, dataPlane, "NACKED(KEYSET_EXPIRED)");
    expect(dataPlane.directory.find("later")).toBeUndefined();
    aheadMs = 0;
    await serves(dataPlane, "later");
    await hasStatus(replica, dataPlane, "SYNCED");
  });
});
