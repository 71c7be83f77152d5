import { FakeClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import { ClientPlaces } from "./client-places.js";

class Rig {
  readonly clock = new FakeClock();
  readonly returned: [string, string | undefined, number][] = [];
  readonly places = new ClientPlaces({
    clock: this.clock,
    giveBack: (tenant, countedAs, count) => this.returned.push([tenant, countedAs, count]),
  });

  take(countedAs?: string): boolean {
    return this.places.tryTake("t", countedAs);
  }
}

describe("places for clients in a worker", () => {
  it("are none until the primary says that there is room, and go back as clients leave", () => {
    const rig = new Rig();
    expect(rig.take()).toBe(false);
    rig.places.left("t", undefined);
    expect(rig.returned).toEqual([["t", undefined, 1]]);
  });

  it("serve the next clients without the primary while there is room", () => {
    const rig = new Rig();
    rig.places.roomy("t", undefined, 2);
    expect([rig.take(), rig.take(), rig.take(), rig.take("u")]).toEqual([true, true, false, false]);
    rig.places.left("t", undefined);
    expect([rig.take(), rig.take()]).toEqual([true, false]);
    expect(rig.returned).toEqual([]);
  });

  it("that nobody needed for a second go back, and those that come and go stay", () => {
    const rig = new Rig();
    rig.places.roomy("t", undefined, 5);
    rig.clock.advance(1000);
    expect(rig.returned).toEqual([]);
    expect([rig.take(), rig.take()]).toEqual([true, true]);
    rig.places.left("t", undefined);
    rig.clock.advance(1000);
    expect(rig.returned).toEqual([["t", undefined, 3]]);
    rig.clock.advance(1000);
    expect(rig.returned.at(-1)).toEqual(["t", undefined, 1]);
    expect(rig.clock.pendingTimers).toBe(0);
    rig.places.left("t", undefined);
    expect(rig.returned).toHaveLength(3);
  });

  it("all go back when the limit comes near, those that are left later too", () => {
    const rig = new Rig();
    rig.places.roomy("t", "u", 3);
    rig.take("u");
    rig.places.tight("t", "u");
    rig.places.tight("t", "u");
    expect(rig.returned).toEqual([["t", "u", 2]]);
    expect(rig.take("u")).toBe(false);
    rig.places.left("t", "u");
    expect(rig.returned.at(-1)).toEqual(["t", "u", 1]);
  });
});
