import type { Clock } from "./clock.js";

/** A moment on the monotonic clock. Timeouts exist only in configuration; everything that waits takes one of these. */
export class Deadline {
  readonly #clock: Clock;
  readonly #atMs: number;

  private constructor(clock: Clock, atMs: number) {
    this.#clock = clock;
    this.#atMs = atMs;
  }

  static after(clock: Clock, delayMs: number): Deadline {
    return new Deadline(clock, clock.monotonic() + delayMs);
  }

  /** Never below 0. */
  get remainingMs(): number {
    return Math.max(0, this.#atMs - this.#clock.monotonic());
  }

  get passed(): boolean {
    return this.#clock.monotonic() >= this.#atMs;
  }

  /** The earlier of two. */
  earlier(other: Deadline): Deadline {
    return this.#atMs <= other.#atMs ? this : other;
  }

  /** Calls once when the moment has come. */
  schedule(call: () => void): { cancel(): void } {
    return this.#clock.schedule(this.remainingMs, call);
  }
}

export class DeadlinePassed extends Error {
  constructor(what: string) {
    super(`${what}: deadline passed`);
    this.name = "DeadlinePassed";
  }
}

/**
 * The promise's outcome, or DeadlinePassed. The work itself goes on: whoever started it must also end it.
 */
export async function within<T>(deadline: Deadline, what: string, promise: Promise<T>): Promise<T> {
  let timer: { cancel(): void } | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = deadline.schedule(() => reject(new DeadlinePassed(what)));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer?.cancel();
  }
}
