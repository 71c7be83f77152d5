import type { Clock } from "@sluice/shared/time";

export interface RateLimits {
  /** So many at once, after a rest. */
  readonly burst: number;
  readonly perSecond: number;
  /** Addresses that are remembered; beyond it the one that came longest ago is forgotten. */
  readonly entries: number;
}

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

/** How often an address may do something: a bucket of tokens for each. */
export class AddressRate {
  readonly #clock: Clock;
  readonly #limits: RateLimits;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock, limits: RateLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Whether it may once more; if so, that is counted. */
  take(address: string): boolean {
    const { burst, perSecond, entries } = this.#limits;
    const nowMs = this.#clock.monotonic();
    const bucket = this.#buckets.get(address) ?? { tokens: burst, filledAtMs: nowMs };
    bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.filledAtMs) / 1000) * perSecond);
    bucket.filledAtMs = nowMs;
    // Last in the order of the map: the one that came last.
    this.#buckets.delete(address);
    this.#buckets.set(address, bucket);
    if (this.#buckets.size > entries) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}
