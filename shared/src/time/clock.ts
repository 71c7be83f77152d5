// The global one is looked up each time it is asked.
import { performance } from "node:perf_hooks";

/** A timer that can be taken back. Taking it back after it fired does nothing. */
export interface Timer {
  cancel(): void;
}

/** Time as everything here sees it, so that tests decide what time it is. */
export interface Clock {
  /** Wall clock, ms since the epoch. It may jump: only for what others read. */
  now(): number;
  /** Ms from an arbitrary start. It never goes back: for every measurement and deadline. */
  monotonic(): number;
  /** Calls once, no sooner than after `delayMs`. The timer does not keep the process alive. */
  schedule(delayMs: number, call: () => void): Timer;
}

/** setTimeout's bound; a longer delay would fire at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(delayMs, call) {
    const timer = setTimeout(call, Math.min(Math.max(delayMs, 0), LONGEST_DELAY_MS));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
