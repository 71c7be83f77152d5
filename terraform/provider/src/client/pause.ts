import type { Clock } from "@sluice/shared/time";

/** Resolves after the delay, or as soon as the run is interrupted. */
export function pause(clock: Clock, delayMs: number, interrupted: AbortSignal): Promise<void> {
  if (interrupted.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = clock.schedule(delayMs, end);
    function end(): void {
      timer.cancel();
      interrupted.removeEventListener("abort", end);
      resolve();
    }
    interrupted.addEventListener("abort", end);
  });
}
