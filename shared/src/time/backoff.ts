export interface BackoffLimits {
  readonly firstMs: number;
  readonly longestMs: number;
}

/**
 * Full jitter: each delay is uniform between 0 and a ceiling that doubles. See "Exponential Backoff And Jitter"
 * (AWS Architecture Blog, 2015): spreads a fleet that lost the same peer at the same moment.
 */
export class Backoff {
  readonly #limits: BackoffLimits;
  readonly #random: () => number;
  #failures = 0;

  constructor(limits: BackoffLimits, random: () => number = Math.random) {
    this.#limits = limits;
    this.#random = random;
  }

  nextDelayMs(): number {
    const ceiling = Math.min(
      this.#limits.longestMs,
      this.#limits.firstMs * 2 ** Math.min(this.#failures, 30),
    );
    this.#failures += 1;
    return this.#random() * ceiling;
  }

  reset(): void {
    this.#failures = 0;
  }
}
