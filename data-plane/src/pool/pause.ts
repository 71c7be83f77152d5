import type { Clock, Timer } from "@sluice/shared/time";

/**
 * While it is on no server is given out and none is opened: until a time that the tenant's record names, or as long as an
 * operator at this data plane holds it.
 */
export class Pause {
  readonly #clock: Clock;
  readonly #ended: () => void;
  #untilMs = 0;
  #held = false;
  #timer: Timer | undefined;

  /** @param ended called when it ends by itself */
  constructor(clock: Clock, ended: () => void) {
    this.#clock = clock;
    this.#ended = ended;
  }

  get on(): boolean {
    return this.#held || this.#timer !== undefined;
  }

  /** Ms; endless while it is held. */
  get leftMs(): number {
    return this.#held ? Number.POSITIVE_INFINITY : this.#untilMs - this.#clock.now();
  }

  /** @param untilMs wall clock, ms since the epoch; 0: it is not on */
  until(untilMs: number): void {
    this.#untilMs = untilMs;
    this.#look();
  }

  hold(held: boolean): void {
    this.#held = held;
    this.#look();
  }

  /** For good. */
  cancel(): void {
    this.#held = false;
    this.#stopTimer();
  }

  #look(): void {
    this.#stopTimer();
    if (this.#held || this.leftMs <= 0) return;
    this.#timer = this.#clock.schedule(this.leftMs, () => {
      // A timer has its bound: it may be early by weeks.
      this.#look();
      if (!this.on) this.#ended();
    });
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
