import type { Clock } from "@sluice/shared/time";

export interface BrakeLimits {
  /** So many failures within the window block. */
  readonly failures: number;
  readonly windowMs: number;
  readonly blockMs: number;
  /** Pairs of thing and address that are remembered; beyond it the one that failed longest ago is forgotten. */
  readonly entries: number;
}

const LIMITS: BrakeLimits = { failures: 10, windowMs: 150_000, blockMs: 120_000, entries: 20_000 };

interface Entry {
  /** When the last failures were, oldest first; at most `failures`. */
  readonly failedAtMs: number[];
  blockedUntilMs: number;
}

/**
 * Failures of one address at one thing, for instance wrong passwords at a tenant. Whoever guesses is braked where they
 * come from, so nobody can turn it against a tenant's other addresses.
 */
export class FailureBrake {
  readonly #clock: Clock;
  readonly #limits: BrakeLimits;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock, limits: Partial<BrakeLimits> = {}) {
    this.#clock = clock;
    this.#limits = { ...LIMITS, ...limits };
  }

  blocks(thing: string, address: string): boolean {
    const entry = this.#entries.get(`${thing}\0${address}`);
    return entry !== undefined && this.#clock.monotonic() < entry.blockedUntilMs;
  }

  failed(thing: string, address: string): void {
    const key = `${thing}\0${address}`;
    const { failures, windowMs, blockMs, entries } = this.#limits;
    const nowMs = this.#clock.monotonic();
    const entry = this.#entries.get(key) ?? { failedAtMs: [], blockedUntilMs: Number.NEGATIVE_INFINITY };
    // Last in the order of the map: the one that failed last.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size > entries) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    const { failedAtMs } = entry;
    while (failedAtMs[0] !== undefined && nowMs - failedAtMs[0] >= windowMs) failedAtMs.shift();
    failedAtMs.push(nowMs);
    if (failedAtMs.length >= failures) {
      entry.blockedUntilMs = nowMs + blockMs;
      failedAtMs.length = 0;
    }
  }
}
