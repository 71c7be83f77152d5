import { SluiceError } from "@sluice/shared/errors";
import { Backoff, type Clock } from "@sluice/shared/time";
import { type ConnectVerdict, verdictOf } from "./connect-verdict.js";

type State =
  /** Nobody knows yet: one connection finds out for all. */
  | { readonly phase: "unknown" }
  | { readonly phase: "open" }
  | {
      readonly phase: "failing";
      readonly error: SluiceError;
      readonly verdict: ConnectVerdict;
      readonly failedAtMs: number;
      readonly nextAtMs: number;
    };

const BACKOFF = { firstMs: 100, longestMs: 3000 };

/**
 * Whether a pool's database takes connections. All who wait share what is known: while it is not, one probe at a
 * time is under way, with back-off and jitter between two.
 */
export class Reach {
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  #state: State = { phase: "unknown" };

  constructor(clock: Clock, random: () => number = Math.random) {
    this.#clock = clock;
    this.#backoff = new Backoff(BACKOFF, random);
  }

  /** Of the last attempt, while nothing better is known. */
  get failure(): SluiceError | undefined {
    return this.#state.phase === "failing" ? this.#state.error : undefined;
  }

  /** Ms since nobody answered last; undefined while the database is there, whatever it says. */
  get awayForMs(): number | undefined {
    if (this.#state.phase !== "failing") return undefined;
    const { verdict, failedAtMs } = this.#state;
    const away = verdict === "away" || verdict === "starting";
    return away ? this.#clock.monotonic() - failedAtMs : undefined;
  }

  /** How many more connections may be tried while so many are. */
  roomBeside(underWay: number): number {
    switch (this.#state.phase) {
      case "open":
        return Number.POSITIVE_INFINITY;
      case "unknown":
        return underWay === 0 ? 1 : 0;
      case "failing":
        return underWay === 0 && this.#clock.monotonic() >= this.#state.nextAtMs ? 1 : 0;
    }
  }

  /** Ms until the next probe is due. */
  get nextInMs(): number {
    return this.#state.phase === "failing" ? Math.max(0, this.#state.nextAtMs - this.#clock.monotonic()) : 0;
  }

  succeeded(): void {
    this.#state = { phase: "open" };
    this.#backoff.reset();
  }

  /** @returns what it means for those who wait */
  failed(thrown: unknown): ConnectVerdict {
    const error = SluiceError.from(thrown);
    const verdict = verdictOf(error);
    const failedAtMs = this.#clock.monotonic();
    const nextAtMs = failedAtMs + this.#backoff.nextDelayMs();
    this.#state = { phase: "failing", error, verdict, failedAtMs, nextAtMs };
    return verdict;
  }

  /** The way there is another one now, or the keys are: what failed before says nothing any more. */
  forget(): void {
    this.#state = { phase: "unknown" };
    this.#backoff.reset();
  }
}
