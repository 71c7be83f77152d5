import { setTimeout as after } from "node:timers/promises";
import { messageOf } from "@sluice/shared/errors";

export interface EventuallyOptions {
  /** Default: 20 s. Only what never comes true waits so long; a busy machine may need it. */
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

/**
 * Runs `attempt` until it gives something other than `false` or `undefined`, and returns that.
 * An attempt that throws counts as not yet; its message is told when the time is over.
 */
export async function eventually<T>(
  what: string,
  attempt: () => T | Promise<T>,
  { timeoutMs = 20_000, everyMs = 20 }: EventuallyOptions = {},
): Promise<Exclude<T, false | undefined>> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    let last = "";
    try {
      const outcome = await attempt();
      if (outcome !== false && outcome !== undefined) return outcome as Exclude<T, false | undefined>;
    } catch (error) {
      last = `: ${messageOf(error)}`;
    }
    if (performance.now() >= endMs) throw new Error(`${what}: not within ${timeoutMs} ms${last}`);
    await after(everyMs);
  }
}
