import { FakeClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import { FailureBrake } from "./failure-brake.js";

function fail(brake: FailureBrake, times: number, tenant = "t", address = "192.0.2.1"): void {
  for (let i = 0; i < times; i++) brake.failed(tenant, address);
}

describe("the brake on failed logins", () => {
  it("blocks after ten failures in 150 s, for 120 s", () => {
    const clock = new FakeClock();
    const brake = new FailureBrake(clock);
    fail(brake, 9);
    expect(brake.blocks("t", "192.0.2.1")).toBe(false);
    fail(brake, 1);
    expect(brake.blocks("t", "192.0.2.1")).toBe(true);
    clock.advance(119_999);
    expect(brake.blocks("t", "192.0.2.1")).toBe(true);
    clock.advance(1);
    expect(brake.blocks("t", "192.0.2.1")).toBe(false);
  });

  it("forgets failures that are older than 150 s, one by one", () => {
    const clock = new FakeClock();
    const brake = new FailureBrake(clock);
    for (let i = 0; i < 40; i++) {
      fail(brake, 1);
      clock.advance(16_700);
    }
    expect(brake.blocks("t", "192.0.2.1")).toBe(false);
    fail(brake, 2);
    expect(brake.blocks("t", "192.0.2.1")).toBe(true);
  });

  it("blocks neither another address of the tenant nor another tenant of the address", () => {
    const brake = new FailureBrake(new FakeClock());
    fail(brake, 10);
    expect(brake.blocks("t", "192.0.2.2")).toBe(false);
    expect(brake.blocks("u", "192.0.2.1")).toBe(false);
  });

  it("remembers a bounded number, the last to fail", () => {
    const brake = new FailureBrake(new FakeClock(), { entries: 3 });
    fail(brake, 10, "t", "a");
    for (const address of ["b", "c", "d"]) fail(brake, 1, "t", address);
    expect(brake.blocks("t", "a")).toBe(false);
    fail(brake, 9, "t", "d");
    expect(brake.blocks("t", "d")).toBe(true);
  });

  it("names the bans in force, and lifts those of one address or of all, at one thing", () => {
    const clock = new FakeClock();
    const brake = new FailureBrake(clock);
    for (const address of ["a", "b"]) for (const tenant of ["t", "u"]) fail(brake, 10, tenant, address);
    clock.advance(20_000);
    expect(brake.bans()).toContainEqual({ thing: "t", address: "a", remainingMs: 100_000 });
    expect(brake.bans()).toHaveLength(4);
    expect(brake.lift("t", "a", clock.now())).toBe(1);
    expect(brake.blocks("t", "a")).toBe(false);
    expect(brake.blocks("t", "b")).toBe(true);
    expect(brake.lift("t", undefined, clock.now())).toBe(1);
    expect(brake.bans().map(({ thing }) => thing)).toEqual(["u", "u"]);
    expect(brake.lift("t", undefined, clock.now())).toBe(0);
  });

  it("leaves a ban that is younger than the order", () => {
    const clock = new FakeClock();
    const brake = new FailureBrake(clock);
    const orderedAtMs = clock.now();
    clock.advance(5000);
    fail(brake, 10, "t", "a");
    expect(brake.lift("t", undefined, orderedAtMs)).toBe(0);
    expect(brake.blocks("t", "a")).toBe(true);
    clock.advance(120_000);
    expect(brake.bans()).toEqual([]);
  });
});
