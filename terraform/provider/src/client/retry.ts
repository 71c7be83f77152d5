import { Backoff, type Clock, type Deadline } from "@sluice/shared/time";
import { pause } from "./pause.js";

const DELAYS = { firstMs: 200, longestMs: 10_000 };

/** What one try came to. */
export type Attempt<T> =
  | { readonly done: true; readonly result: T }
  | {
      readonly done: false;
      /** What to throw when there is no time for another one. */
      readonly failure: Error;
      /** As the other side asked for; undefined: a delay with jitter that grows. */
      readonly afterMs: number | undefined;
    };

/** Tries until one is done, the next would begin after the deadline, or the run is interrupted. */
export async function retried<T>(
  attempt: () => Promise<Attempt<T>>,
  deadline: Deadline,
  clock: Clock,
  interrupted: AbortSignal,
): Promise<T> {
  const backoff = new Backoff(DELAYS, Math.random);
  for (;;) {
    const outcome = await attempt();
    if (outcome.done) return outcome.result;
    const delayMs = outcome.afterMs ?? backoff.nextDelayMs();
    if (delayMs >= deadline.remainingMs) throw outcome.failure;
    await pause(clock, delayMs, interrupted);
    if (interrupted.aborted) throw outcome.failure;
  }
}

/** Of a `Retry-After` header: seconds, or a date (RFC 9110 section 10.2.3). */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}
