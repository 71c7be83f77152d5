import type { Clock, Timer } from "@sluice/shared/time";

const QUIET_MS = 20;
const LONGEST_MS = 200;

/** Joins calls that come close together: one call after 20 ms of quiet, or 200 ms after the first. */
export class Bursts {
  readonly #clock: Clock;
  readonly #call: () => void;
  #timer: Timer | undefined;
  #firstAtMs = 0;

  constructor(clock: Clock, call: () => void) {
    this.#clock = clock;
    this.#call = call;
  }

  notice(): void {
    const nowMs = this.#clock.monotonic();
    if (this.#timer === undefined) this.#firstAtMs = nowMs;
    this.#timer?.cancel();
    const delayMs = Math.min(QUIET_MS, Math.max(0, this.#firstAtMs + LONGEST_MS - nowMs));
    this.#timer = this.#clock.schedule(delayMs, () => {
      this.#timer = undefined;
      this.#call();
    });
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
