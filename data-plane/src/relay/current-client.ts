import type { Asker } from "./asker.js";
import { Effect } from "./effect.js";
import type { Naming } from "./naming.js";
import { type Refusal, refusalBy } from "./outcomes.js";
import type { Remembered } from "./remembered.js";

/** Hot path: whose requests are followed now, and what is remembered of it. The next ones are another client's. */
export class CurrentClient {
  #asker: Asker | undefined;
  remembered: Remembered;
  naming: Naming;
  restores: boolean;

  constructor(asker: Asker, remembered: Remembered) {
    this.#asker = asker;
    this.remembered = remembered;
    this.naming = asker.naming;
    this.restores = asker.restores;
  }

  /** Only while there is one. */
  get asker(): Asker {
    return this.#asker as Asker;
  }

  become(asker: Asker, remembered: Remembered): void {
    this.#asker = asker;
    this.remembered = remembered;
    this.naming = asker.naming;
    this.restores = asker.restores;
  }

  /** Until there is another one. */
  leave(): void {
    this.#asker = undefined;
  }

  /** Why a text with these effects may not run; undefined: it may. */
  refusal(effects: number): Refusal | undefined {
    if (!(effects & (Effect.mayPin | Effect.pins | Effect.loads)) || this.remembered.traces.pinned)
      return undefined;
    const error = this.asker.refusesPin();
    return error === undefined ? undefined : refusalBy(error);
  }
}
