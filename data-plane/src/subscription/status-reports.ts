import type { Clock, Timer } from "@sluice/shared/time";

/** Sends a report at once, then one every `intervalMs` after the last was delivered or lost; and one between when told. */
export class StatusReports {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  /** Does not fail. */
  readonly #send: () => Promise<void>;
  #timer: Timer | undefined;
  #sending = false;
  #again = false;
  #stopped = false;

  constructor(clock: Clock, intervalMs: number, send: () => Promise<void>) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#send = send;
  }

  /** One at a time: asked for while one is under way, the next follows it. */
  now(): void {
    if (this.#stopped) return;
    if (this.#sending) {
      this.#again = true;
      return;
    }
    this.#timer?.cancel();
    this.#sending = true;
    void this.#send().finally(() => {
      this.#sending = false;
      if (this.#stopped) return;
      if (this.#again) {
        this.#again = false;
        this.now();
        return;
      }
      this.#timer = this.#clock.schedule(this.#intervalMs, () => this.now());
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }
}
