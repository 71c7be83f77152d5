import { BundleRefused, type Heartbeat } from "@sluice/shared/bundle";
import type { Clock } from "@sluice/shared/time";
import { forked } from "./acceptance.js";
import { compareMoments, type Position, sameBytes } from "./position.js";

/** Signed "now"s of a control plane whose clock differs from ours are still taken. */
const CLOCK_SKEW_MS = 5 * 60_000;
/** However far ahead a heartbeat puts its end: after this time without another one nobody knows. */
const LONGEST_MS = 10 * 60_000;
/** How long a data plane that has just started waits for its first heartbeat before it says that it may be stale. */
const FIRST_MS = 5 * 60_000;

/** Whether what is held is the newest, as far as signed heartbeats say. It is shown, and stops nothing. */
export class Freshness {
  readonly #clock: Clock;
  #confirmedAtMs: number | undefined;
  /** On the monotonic clock. */
  #freshUntilMs: number;
  /**
   * The last that was taken: of those that our clock believes, and of those that are further ahead of it than clocks
   * differ. Else one from a replica whose clock is wrong would silence all others until its time has come.
   */
  readonly #lastIssuedAtMs = { believed: 0n, ahead: 0n };

  /** Of which the last heartbeat spoke. */
  #newest: Pick<Position, "epoch" | "generation"> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#freshUntilMs = clock.monotonic() + FIRST_MS;
  }

  /** Ms since a heartbeat last said that what is held is the newest; undefined: not since the start. */
  get ageMs(): number | undefined {
    return this.#confirmedAtMs === undefined ? undefined : this.#clock.monotonic() - this.#confirmedAtMs;
  }

  /** Whether the last heartbeat that confirmed what is held has expired. */
  get stale(): boolean {
    return this.#clock.monotonic() >= this.#freshUntilMs;
  }

  /** Whether the last heartbeat spoke of a newer state than this. */
  knowsNewerThan(held: Position | undefined): boolean {
    if (this.#newest === undefined) return false;
    return held === undefined || compareMoments(this.#newest, held) > 0;
  }

  /** @returns whether it says that what is held is the newest. @throws BundleRefused */
  take(heartbeat: Heartbeat, scope: string, held: Position | undefined): boolean {
    if (heartbeat.scope !== scope) {
      throw new BundleRefused(
        "WRONG_SCOPE",
        "the heartbeat is for another scope",
        heartbeat.scope.slice(0, 100),
      );
    }
    const nowMs = this.#clock.now();
    const expiresAtMs = Number(heartbeat.expiresAtMs);
    if (expiresAtMs + CLOCK_SKEW_MS < nowMs) {
      throw new BundleRefused(
        "EXPIRED",
        "the heartbeat is too old",
        `it expired at ${new Date(expiresAtMs).toISOString()}`,
      );
    }
    // One that was seen before, or was overtaken, says nothing new.
    const { issuedAtMs } = heartbeat;
    const order = Number(issuedAtMs) > nowMs + CLOCK_SKEW_MS ? "ahead" : "believed";
    if (issuedAtMs <= this.#lastIssuedAtMs[order]) return false;
    this.#lastIssuedAtMs[order] = issuedAtMs;
    const { state } = heartbeat;
    if (state === undefined) return false;
    const told = { epoch: heartbeat.epoch, generation: state.generation, root: state.root };
    this.#newest = told;
    if (held === undefined) return false;
    if (compareMoments(told, held) !== 0) return false;
    if (!sameBytes(told.root, held.root)) throw forked(told, held);
    this.#confirmedAtMs = this.#clock.monotonic();
    // By its own length of life: the clocks of the two need not agree.
    const livesMs = Number(heartbeat.expiresAtMs - heartbeat.issuedAtMs);
    this.#freshUntilMs = this.#confirmedAtMs + Math.min(Math.max(livesMs, 0), LONGEST_MS);
    return true;
  }
}
