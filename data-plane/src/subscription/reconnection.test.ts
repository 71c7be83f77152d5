import { FakeClock } from "@sluice/shared/time";
import { beforeEach, describe, expect, it } from "vitest";
import { Reconnection } from "./reconnection.js";

describe("the wait for the next connection", () => {
  let clock: FakeClock;
  let reconnection: Reconnection;

  beforeEach(() => {
    clock = new FakeClock();
    // Always the longest of what there is to choose from.
    reconnection = new Reconnection(clock, () => 1);
  });

  const failures = (count: number): number[] =>
    Array.from({ length: count }, () => reconnection.afterFailure());

  it("doubles up to 30 s", () => {
    expect(failures(10)).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000]);
  });

  it("goes on from where it was when a connection was good for a moment only", () => {
    failures(5);
    for (const delay of [3200, 6400, 12_800]) {
      reconnection.good();
      clock.advance(29_999);
      reconnection.good();
      expect(reconnection.afterFailure()).toBe(delay);
    }
  });

  it("is short again after a connection that has lasted", () => {
    failures(9);
    reconnection.good();
    clock.advance(30_000);
    expect(failures(3)).toEqual([100, 200, 400]);
    reconnection.good();
    clock.advance(30_000);
    reconnection.afterDrain();
    expect(failures(1)).toEqual([100]);
  });

  it("does not take the time in between for a connection that has lasted", () => {
    failures(5);
    reconnection.good();
    expect(reconnection.afterFailure()).toBe(3200);
    clock.advance(60_000);
    expect(reconnection.afterFailure()).toBe(6400);
  });

  it("is a moment where the control plane sends on, and long where another one has taken the place", () => {
    failures(9);
    expect(reconnection.afterDrain()).toBe(1000);
    expect(reconnection.afterSuperseded()).toBe(90_000);
    expect(new Reconnection(clock, () => 0).afterSuperseded()).toBe(30_000);
  });
});
