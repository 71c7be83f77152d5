import type { Heartbeat } from "@sluice/shared/bundle";
import { FakeClock } from "@sluice/shared/time";
import { beforeEach, describe, expect, it } from "vitest";
import { Freshness } from "./freshness.js";
import type { Position } from "./position.js";
import { SCOPE } from "./signed-for-tests.js";

const HOUR_MS = 3_600_000;
const VALID_MS = 5 * 60_000;
const HELD: Position = { epoch: 1n, generation: 1n, root: Buffer.alloc(32, 1) };

describe("freshness", () => {
  let clock: FakeClock;
  let freshness: Freshness;

  beforeEach(() => {
    clock = new FakeClock();
    freshness = new Freshness(clock);
  });

  /** Of a replica whose clock is ahead by so much. */
  const heartbeat = (aheadMs = 0): Heartbeat => {
    const nowMs = BigInt(clock.now() + aheadMs);
    const state = { generation: HELD.generation, root: HELD.root };
    const content = { scope: SCOPE, epoch: HELD.epoch, state, issuedAtMs: nowMs };
    return { ...content, expiresAtMs: nowMs + BigInt(VALID_MS) } as Heartbeat;
  };
  const confirms = (told: Heartbeat): boolean => freshness.take(told, SCOPE, HELD);

  it("is confirmed by the others at once when one replica's clock was ahead", () => {
    expect(confirms(heartbeat())).toBe(true);
    clock.advance(10_000);
    expect(confirms(heartbeat(HOUR_MS))).toBe(true);
    clock.advance(10_000);
    expect(confirms(heartbeat())).toBe(true);
    expect(freshness.ageMs).toBe(0);
  });

  it("is confirmed by a heartbeat once, however far ahead it is, whatever came in between", () => {
    const [good, ahead] = [heartbeat(), heartbeat(HOUR_MS)];
    expect([good, ahead].map(confirms)).toEqual([true, true]);
    clock.advance(10_000);
    expect([ahead, good, ahead, good].map(confirms)).toEqual([false, false, false, false]);
    const next = heartbeat();
    expect([next, ahead, good, next].map(confirms)).toEqual([true, false, false, false]);
  });

  it("needs no clocks that agree: where ours is behind, heartbeats are taken in their order", () => {
    const first = heartbeat(HOUR_MS);
    clock.advance(10_000);
    const second = heartbeat(HOUR_MS);
    expect([first, second, first].map(confirms)).toEqual([true, true, false]);
    clock.advance(VALID_MS);
    expect(freshness.stale).toBe(true);
    expect(confirms(heartbeat(HOUR_MS))).toBe(true);
    expect(freshness.stale).toBe(false);
  });
});
