import type { Clock, Timer } from "@sluice/shared/time";

/** Calls once when nobody has fed it for `silenceMs`. While held it does not count: then it is us who are busy. */
export class Watchdog {
  readonly #clock: Clock;
  readonly #silenceMs: number;
  readonly #onSilence: () => void;
  #timer: Timer | undefined;

  constructor(clock: Clock, silenceMs: number, onSilence: () => void) {
    this.#clock = clock;
    this.#silenceMs = silenceMs;
    this.#onSilence = onSilence;
    this.feed();
  }

  feed(): void {
    this.hold();
    this.#timer = this.#clock.schedule(this.#silenceMs, this.#onSilence);
  }

  hold(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
