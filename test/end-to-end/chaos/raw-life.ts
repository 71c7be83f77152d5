import type { Actor } from "./actor.js";
import type { Conversation } from "./conversation.js";
import { Gone } from "./outcomes.js";
import type { Random } from "./random.js";
import type { Mode, World } from "./world.js";

/** One session of a client of the raw protocol, and what it has made of it. */
export class RawLife {
  readonly talk: Conversation;
  readonly #actor: Actor;
  zone = "";
  own = "";
  temporary = false;
  prepared = false;
  #over = false;

  constructor(talk: Conversation, actor: Actor) {
    this.talk = talk;
    this.#actor = actor;
  }

  get who(): string {
    return this.#actor.who;
  }

  get mode(): Mode {
    return this.#actor.mode;
  }

  get world(): World {
    return this.#actor.world;
  }

  get random(): Random {
    return this.#actor.random;
  }

  mark(): string {
    return this.#actor.mark();
  }

  check(what: string, found: unknown, expected: unknown): void {
    this.#actor.check(what, found, expected);
  }

  /** Ends it without a word. Throws Gone. */
  vanish(): never {
    this.#over = true;
    this.talk.vanish(this.random);
    throw new Gone();
  }

  /** Ends it, if it has not ended. */
  leave(): void {
    if (!this.#over) this.talk.leave(this.random);
    this.#over = true;
  }
}
