import type { Clock, Timer } from "./clock.js";

interface Scheduled {
  readonly atMs: number;
  readonly order: number;
  readonly call: () => void;
}

/** A clock for tests: time stands still until `advance`. */
export class FakeClock implements Clock {
  #nowMs: number;
  #order = 0;
  readonly #scheduled = new Set<Scheduled>();

  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  schedule(delayMs: number, call: () => void): Timer {
    const entry = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, call };
    this.#scheduled.add(entry);
    return { cancel: () => this.#scheduled.delete(entry) };
  }

  get pendingTimers(): number {
    return this.#scheduled.size;
  }

  /** Moves time on and fires what became due, in order of time, then of scheduling. */
  advance(byMs: number): void {
    const until = this.#nowMs + byMs;
    for (;;) {
      const due = [...this.#scheduled]
        .filter((entry) => entry.atMs <= until)
        .sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
      if (due === undefined) break;
      this.#scheduled.delete(due);
      this.#nowMs = due.atMs;
      due.call();
    }
    this.#nowMs = until;
  }
}
