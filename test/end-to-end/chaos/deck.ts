import type { Random } from "./random.js";

/** Deals each thing once, in any order, and then as often as its weight says: nothing is left out of a short run. */
export class Deck<T extends { readonly weight: number }> {
  readonly #all: readonly T[];
  readonly #random: Random;
  readonly #owed: T[];

  constructor(all: readonly T[], random: Random) {
    this.#all = all;
    this.#random = random;
    this.#owed = random.shuffled(all);
  }

  /** What has not been dealt yet. */
  get owed(): readonly T[] {
    return this.#owed;
  }

  next(): T {
    return this.#owed.pop() ?? this.#random.weighted(this.#all);
  }

  /** It has not come about: it is dealt again, after all others that are owed. */
  putBack(thing: T): void {
    if (!this.#owed.includes(thing)) this.#owed.unshift(thing);
  }
}
