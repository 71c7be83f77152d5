import type { Clock } from "@sluice/shared/time";

/** As many as the brake remembers. */
const MOST = 20_000;

/** Keys that are in force for a while. Bounded: beyond it the one that was set longest ago goes. */
export class ExpiringKeys {
  readonly #clock: Clock;
  readonly #untilMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  has(key: string): boolean {
    const untilMs = this.#untilMs.get(key);
    return untilMs !== undefined && this.#clock.monotonic() < untilMs;
  }

  /** 0: no more. */
  set(key: string, remainingMs: number): void {
    const nowMs = this.#clock.monotonic();
    // Last in the order of the map; all last about equally long, so those that are over stand first.
    this.#untilMs.delete(key);
    if (remainingMs > 0) this.#untilMs.set(key, nowMs + remainingMs);
    for (const [oldest, untilMs] of this.#untilMs) {
      if (untilMs > nowMs && this.#untilMs.size <= MOST) break;
      this.#untilMs.delete(oldest);
    }
  }
}
