import { type Clock, systemClock, type Timer } from "@sluice/shared/time";

/** The system's clock, later by as much as a test says: what was a minute ago need not be waited for. */
export class ShiftedClock implements Clock {
  laterByMs = 0;

  now(): number {
    return systemClock.now() + this.laterByMs;
  }

  monotonic(): number {
    return systemClock.monotonic() + this.laterByMs;
  }

  schedule(delayMs: number, call: () => void): Timer {
    return systemClock.schedule(delayMs, call);
  }
}
