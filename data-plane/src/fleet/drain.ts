import { type Clock, Deadline } from "@sluice/shared/time";

/** What can be told to end once its transaction does. */
export interface Drainable {
  /** Ms since it was last busy; 0 while it is. */
  readonly quietForMs: number;
  drain(): void;
}

const STEP_MS = 20;
/** Most at once, and in one second, as long as the time suffices: those who come back all come to the other data planes. */
const FEW = 10;
const PER_SECOND = 500;
/**
 * Whoever asked something so short a time ago is likely to ask again: its next request and our word that it is to go
 * would meet on their way, and it could not know whether the request was served. Most clients pause, or go by themselves.
 */
const QUIET_MS = 1000;

/**
 * Tells all to end, spread over time: at most 500 a second, or so many that half the deadline's time is enough. Those that
 * are quiet are told first; how quiet one has to be becomes less, and with half of the time gone all are told.
 * @param all whoever ends leaves it
 */
export async function drainGradually(
  all: ReadonlySet<Drainable>,
  clock: Clock,
  deadlineMs: number,
): Promise<void> {
  const halfMs = deadlineMs / 2;
  const deadline = Deadline.after(clock, halfMs);
  const left = new Set(all);
  for (;;) {
    const steps = Math.max(1, Math.floor(deadline.remainingMs / STEP_MS));
    const quietMs = deadline.passed ? 0 : (QUIET_MS * deadline.remainingMs) / halfMs;
    let most = Math.max(FEW, (PER_SECOND * STEP_MS) / 1000, Math.ceil(left.size / steps));
    for (const each of left) {
      const gone = !all.has(each);
      if (!gone && each.quietForMs < quietMs) continue;
      left.delete(each);
      if (gone) continue;
      each.drain();
      most -= 1;
      if (most === 0) break;
    }
    if (left.size === 0) return;
    await new Promise<void>((resolve) => clock.schedule(STEP_MS, resolve));
  }
}
