import { setTimeout as after } from "node:timers/promises";
import { Deadline, systemClock } from "../time/index.js";

const POLL_MS = 20;

/** Asks again and again until the condition holds; false when `timeoutMs` passed first. */
export async function holdsWithin(
  timeoutMs: number,
  condition: () => boolean | Promise<boolean>,
): Promise<boolean> {
  const deadline = Deadline.after(systemClock, timeoutMs);
  for (;;) {
    if (await condition()) return true;
    if (deadline.passed) return false;
    await after(POLL_MS);
  }
}
