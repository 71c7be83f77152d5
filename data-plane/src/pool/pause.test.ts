import { type Clock, FakeClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import { Pause } from "./pause.js";

const DAY_MS = 86_400_000;
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** Its timers have the bound that the system's have. */
function rig() {
  const fake = new FakeClock();
  const clock: Clock = {
    now: () => fake.now(),
    monotonic: () => fake.monotonic(),
    schedule: (delayMs, call) => fake.schedule(Math.min(delayMs, LONGEST_DELAY_MS), call),
  };
  let ends = 0;
  const pause = new Pause(clock, () => {
    ends += 1;
  });
  return { clock: fake, pause, ends: () => ends };
}

describe("a pause", () => {
  it("lasts as long as an operator holds it", () => {
    const { clock, pause, ends } = rig();
    pause.hold(true);
    clock.advance(60 * DAY_MS);
    expect([pause.on, ends()]).toEqual([true, 0]);
    pause.hold(false);
    expect(pause.on).toBe(false);
  });

  it("lasts until the time in the tenant's record, however far that is", () => {
    const { clock, pause, ends } = rig();
    pause.until(clock.now() + 60 * DAY_MS);
    clock.advance(60 * DAY_MS - 1);
    expect([pause.on, ends()]).toEqual([true, 0]);
    clock.advance(1);
    expect([pause.on, ends()]).toEqual([false, 1]);
  });

  it("goes on by the record's time when an operator lets go of it", () => {
    const { clock, pause, ends } = rig();
    pause.until(clock.now() + 1000);
    pause.hold(true);
    pause.hold(false);
    expect(pause.on).toBe(true);
    clock.advance(1000);
    expect([pause.on, ends()]).toEqual([false, 1]);
  });

  it("leaves no timer when it is cancelled", () => {
    const { clock, pause } = rig();
    pause.until(clock.now() + 1000);
    pause.hold(true);
    pause.cancel();
    expect([pause.on, clock.pendingTimers]).toEqual([false, 0]);
  });
});
