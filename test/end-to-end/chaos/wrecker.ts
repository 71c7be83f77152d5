import { setTimeout as after } from "node:timers/promises";
import { messageOf } from "@sluice/shared/errors";
import type { Census } from "./census.js";
import { Deck } from "./deck.js";
import type { Random } from "./random.js";
import type { Verdict } from "./verdict.js";
import type { World } from "./world.js";
import type { Realm, Wreck } from "./wrecks.js";

/** Breaks what belongs to one realm, one thing after the other, while others break what belongs to theirs. */
export class Wrecker {
  readonly #realm: Realm;
  readonly #random: Random;
  readonly #verdict: Verdict;
  readonly #deck: Deck<Wreck>;

  constructor(realm: Realm, random: Random, verdict: Verdict) {
    this.#realm = realm;
    this.#random = random;
    this.#verdict = verdict;
    this.#deck = new Deck(realm.wrecks, random);
  }

  /** Until the time is over, and everything has been broken once, or there is no more time at all. */
  async wreck(world: World, census: Census, ended: () => boolean, late: () => boolean): Promise<void> {
    const [shortest, longest] = this.#realm.calmMs;
    while (!ended() || (this.#deck.owed.length > 0 && !late())) {
      await after(this.#random.between(shortest, longest));
      const chosen = this.#deck.next();
      try {
        this.#verdict.wrecks(chosen.name);
        await chosen.run(world, this.#random, census);
        this.#verdict.count(`wreck: ${chosen.name}`);
      } catch (error) {
        // The database may be away when it is asked for a backend, and the control plane when it is told something.
        this.#verdict.count(`wreck without effect: ${messageOf(error).slice(0, 60)}`);
        this.#deck.putBack(chosen);
      }
    }
    for (const { name } of this.#deck.owed) this.#verdict.violated("wreckers", `never came about: ${name}`);
  }
}
