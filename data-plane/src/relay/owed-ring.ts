import type { Outcome } from "../server/index.js";
import { Owed } from "./owed.js";

const FEWEST = 16;
/** Longer than that it is not kept for another client. */
const USUAL = 1024;

/**
 * Hot path: entries of the ledger in the order in which they were sent.
 *
 *   entries   [ ...free..., head: oldest, ..., tail: next free, ...free... ], a power of two long
 *   outcomes  beside it: what to do when an entry is answered, for the few that matter
 */
export class OwedRing {
  #entries = new Uint8Array(FEWEST);
  #outcomes: (Outcome | undefined)[] = new Array<Outcome | undefined>(FEWEST).fill(undefined);
  #head = 0;
  length = 0;

  /** It has never had to hold much. */
  get small(): boolean {
    return this.#entries.length <= USUAL;
  }

  /** The oldest. */
  get front(): number {
    return this.length === 0 ? Owed.none : (this.#entries[this.#head] as number);
  }

  get frontOutcome(): Outcome | undefined {
    return this.length === 0 ? undefined : this.#outcomes[this.#head];
  }

  push(entry: number, outcome: Outcome | undefined): void {
    if (this.length === this.#entries.length) this.#grow();
    const at = (this.#head + this.length) & (this.#entries.length - 1);
    this.#entries[at] = entry;
    if (outcome !== undefined) this.#outcomes[at] = outcome;
    this.length += 1;
  }

  /** Takes the oldest away. */
  shift(): Outcome | undefined {
    const at = this.#head;
    this.#head = (at + 1) & (this.#entries.length - 1);
    this.length -= 1;
    const outcome = this.#outcomes[at];
    if (outcome !== undefined) this.#outcomes[at] = undefined;
    return outcome;
  }

  /** Takes those away that are not to be kept, oldest first. */
  keepOnly(keep: (entry: number, isFront: boolean) => boolean): void {
    for (let left = this.length, isFront = true; left > 0; left--, isFront = false) {
      const entry = this.front;
      const outcome = this.shift();
      if (keep(entry, isFront)) this.push(entry, outcome);
    }
  }

  #grow(): void {
    const { length } = this.#entries;
    const entries = new Uint8Array(2 * length);
    const outcomes = new Array<Outcome | undefined>(2 * length).fill(undefined);
    for (let i = 0; i < length; i++) {
      const at = (this.#head + i) & (length - 1);
      entries[i] = this.#entries[at] as number;
      outcomes[i] = this.#outcomes[at];
    }
    this.#entries = entries;
    this.#outcomes = outcomes;
    this.#head = 0;
  }
}
