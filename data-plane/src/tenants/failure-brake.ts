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
  /** On the wall clock: orders name moments of it. */
  blockedAtMs: number;
}

/** An address that is turned away at a thing. */
export interface AddressBan {
  readonly thing: string;
  readonly address: string;
  readonly remainingMs: number;
}

/** Clocks of the planes differ; an order lifts bans that seem to be so much younger than it. */
const CLOCK_SKEW_MS = 2000;

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

  get windowMs(): number {
    return this.#limits.windowMs;
  }

  blocks(thing: string, address: string): boolean {
    const entry = this.#entries.get(`${thing}\0${address}`);
    return entry !== undefined && this.#clock.monotonic() < entry.blockedUntilMs;
  }

  /** @returns how long the address is blocked from now on; 0: it is not */
  failed(thing: string, address: string): number {
    const key = `${thing}\0${address}`;
    const { failures, windowMs, blockMs, entries } = this.#limits;
    const nowMs = this.#clock.monotonic();
    const entry = this.#entries.get(key) ?? {
      failedAtMs: [],
      blockedUntilMs: Number.NEGATIVE_INFINITY,
      blockedAtMs: 0,
    };
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
    if (failedAtMs.length < failures) return 0;
    entry.blockedUntilMs = nowMs + blockMs;
    entry.blockedAtMs = this.#clock.now();
    failedAtMs.length = 0;
    return blockMs;
  }

  /** Who has failed within the window, and how long that counts. */
  recent(): readonly { readonly thing: string; readonly group: string; readonly remainingMs: number }[] {
    const nowMs = this.#clock.monotonic();
    return [...this.#entries].flatMap(([key, { failedAtMs }]) => {
      const last = failedAtMs.at(-1);
      const remainingMs = last === undefined ? 0 : last + this.#limits.windowMs - nowMs;
      const [thing = "", group = ""] = key.split("\0");
      return remainingMs > 0 ? [{ thing, group, remainingMs }] : [];
    });
  }

  /** Those in force. */
  bans(): readonly AddressBan[] {
    const nowMs = this.#clock.monotonic();
    const bans: AddressBan[] = [];
    for (const [key, { blockedUntilMs }] of this.#entries) {
      if (blockedUntilMs <= nowMs) continue;
      const [thing = "", address = ""] = key.split("\0");
      bans.push({ thing, address, remainingMs: blockedUntilMs - nowMs });
    }
    return bans;
  }

  /**
   * Lifts the bans at a thing that are older than `olderThanMs` (wall clock), and forgets the failures behind them.
   * @param address undefined: of every address
   * @returns how many
   */
  lift(thing: string, address: string | undefined, olderThanMs: number): number {
    const nowMs = this.#clock.monotonic();
    let lifted = 0;
    for (const [key, entry] of this.#entries) {
      if (address === undefined ? !key.startsWith(`${thing}\0`) : key !== `${thing}\0${address}`) continue;
      if (entry.blockedUntilMs <= nowMs || entry.blockedAtMs > olderThanMs + CLOCK_SKEW_MS) continue;
      this.#entries.delete(key);
      lifted += 1;
    }
    return lifted;
  }
}
