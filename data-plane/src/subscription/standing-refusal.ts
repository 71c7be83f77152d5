import type { RefusalCode } from "@sluice/shared/bundle";

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

/** Why the last state that a stream has offered was not taken, until one is. */
export class StandingRefusal {
  #code: RefusalCode | undefined;

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

  /** A state was taken, or another stream begins. */
  isOver(): void {
    this.#code = undefined;
  }
}
