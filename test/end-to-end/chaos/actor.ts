import { setTimeout as after } from "node:timers/promises";
import type { Random } from "./random.js";
import type { Verdict } from "./verdict.js";
import type { Mode, World } from "./world.js";

/** How an actor speaks to the data plane. */
export interface Way {
  /** One life: from a login to an end, which may be a throw. */
  readonly live: (actor: Actor, ended: () => boolean) => Promise<void>;
  /** A life ended so. What breakage does not explain is a violation. */
  readonly ended: (actor: Actor, error: unknown) => void;
}

export interface ActorOptions {
  readonly who: string;
  readonly mode: Mode;
  readonly way: Way;
  readonly world: World;
  readonly random: Random;
  readonly verdict: Verdict;
}

/** A client, in one life after the other. All that it asks carries its mark. */
export class Actor {
  readonly who: string;
  readonly mode: Mode;
  readonly world: World;
  readonly random: Random;
  readonly verdict: Verdict;
  readonly #way: Way;
  /** For whoever asks why it does not end. */
  doing = "nothing yet";
  #marks = 0;

  constructor({ who, mode, way, world, random, verdict }: ActorOptions) {
    this.who = who;
    this.mode = mode;
    this.#way = way;
    this.world = world;
    this.random = random;
    this.verdict = verdict;
  }

  async live(ended: () => boolean): Promise<void> {
    while (!ended()) {
      try {
        await this.#way.live(this, ended);
      } catch (error) {
        this.#way.ended(this, error);
        await after(this.random.between(5, 200));
      }
    }
  }

  does(what: string): void {
    this.doing = `${this.who} ${what}`;
  }

  /** Counted by mode: in each everything is to be done. */
  did(what: string): void {
    this.verdict.count(`${this.mode}: ${what}`);
  }

  /** Whether anybody in this mode has done it yet. */
  anybodyDid(what: string): boolean {
    return this.verdict.counts.has(`${this.mode}: ${what}`);
  }

  /** A text that nobody has used yet, and that tells whose it is. */
  mark(): string {
    this.#marks += 1;
    return `${this.who}:${this.#marks}`;
  }

  check(what: string, found: unknown, expected: unknown): void {
    const [one, other] = [JSON.stringify(found), JSON.stringify(expected)];
    if (one !== other) this.violated(`${what}: found ${one} where ${other} is due`);
  }

  violated(what: string): void {
    this.verdict.violated(this.who, what);
  }
}
