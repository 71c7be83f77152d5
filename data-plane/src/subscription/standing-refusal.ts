import type { RefusalCode } from "@sluice/shared/bundle";
import type { Clock } from "@sluice/shared/time";

const FIRST_WAIT_MS = 60_000;
/** No longer than a stream lives: its end asks, too. */
const LONGEST_WAIT_MS = 30 * 60_000;

/**
 * Refusals that a second try does not mend: the connection stays, and the next publication may be better. Every
 * other one may be a fault on the way, so the message is asked for again.
 */
const FINAL: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  "WRONG_SCOPE",
  "INCOMPATIBLE",
  "EPOCH",
  "OLDER",
  "FORK",
  "MASS_REMOVAL",
  "KEYSET_OLDER",
  "KEYSET_EXPIRED",
  "EXPIRED",
]);

export function isFinal(code: RefusalCode): boolean {
  return FINAL.has(code);
}

/** Why the last state that was offered was not taken, until one is. */
export class StandingRefusal {
  readonly #clock: Clock;
  /** Of the stream that is open. */
  #code: RefusalCode | undefined;
  /** On the monotonic clock. */
  #asksAtMs = 0;
  #waitMs = FIRST_WAIT_MS;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * A state was refused. What follows on one that was refused has another base than what is held: the control plane
   * sent it before it knew. Then the reason of the first is the reason of both, and asking again gives the same again.
   * @returns the reason
   */
  stands(code: RefusalCode): RefusalCode {
    const reason = code === "OTHER_BASE" ? (this.#code ?? code) : code;
    if (isFinal(reason)) this.#code = reason;
    return reason;
  }

  /**
   * There is something newer than what is held, and time, a keyset or another control plane may have ended the reason
   * why it was refused. Not MASS_REMOVAL: the control plane offers another snapshot by itself when there is one, and the
   * same one would be downloaded in vain.
   * @returns whether to ask for it now; if so, the next time comes later than the last.
   */
  asksAgain(): boolean {
    const nowMs = this.#clock.monotonic();
    if (this.#code === undefined || this.#code === "MASS_REMOVAL" || nowMs < this.#asksAtMs) return false;
    this.#asksAtMs = nowMs + this.#waitMs;
    this.#waitMs = Math.min(this.#waitMs * 2, LONGEST_WAIT_MS);
    return true;
  }

  streamEnded(): void {
    this.#code = undefined;
  }

  /** A state was taken. */
  isOver(): void {
    this.#code = undefined;
    this.#asksAtMs = 0;
    this.#waitMs = FIRST_WAIT_MS;
  }
}
