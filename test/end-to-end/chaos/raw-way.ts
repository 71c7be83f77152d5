import { setTimeout as after } from "node:timers/promises";
import { messageOf } from "@sluice/shared/errors";
import type { Actor, Way } from "./actor.js";
import { Conversation } from "./conversation.js";
import { EPISODES } from "./episodes/index.js";
import { Gone, Lost, Unserved } from "./outcomes.js";
import { RawLife } from "./raw-life.js";

const MOST_EPISODES = 40;

/** By the protocol itself, in lives of random episodes, some of which end in the middle. */
export const RAW_WAY: Way = {
  live: async (actor, ended) => {
    actor.does("login");
    const talk = await Conversation.open(actor);
    actor.verdict.count("lives");
    const life = new RawLife(talk, actor);
    try {
      await episodes(actor, life, ended);
    } finally {
      life.leave();
    }
  },
  ended: (actor, error) => {
    if (!(error instanceof Lost)) actor.violated(`a life ended with ${messageOf(error)}`);
    actor.verdict.count(error instanceof Gone ? "lives ended" : "lives lost");
  },
};

async function episodes(actor: Actor, life: RawLife, ended: () => boolean): Promise<void> {
  const { talk } = life;
  // In transaction mode some sessions never keep a server, so that the others find one.
  const mayPin = actor.mode === "session" || actor.random.chance(0.15);
  const possible = EPISODES.filter(({ pins }) => pins !== true || mayPin);
  const count = actor.random.between(3, MOST_EPISODES);
  for (let n = 0; n < count && !ended(); n++) {
    // What nobody has done yet comes first now and then: on a busy machine a minute is not long.
    const undone = possible.filter(({ name }) => !actor.anybodyDid(name));
    const first = undone.length > 0 && actor.random.chance(0.5);
    const { name, run } = first ? actor.random.pick(undone) : actor.random.weighted(possible);
    actor.does(name);
    try {
      await run(life);
      actor.did(name);
      if (talk.status !== "I") actor.violated(`in a transaction (${talk.status}) after ${name}`);
    } catch (error) {
      if (error instanceof Gone) actor.did(name);
      if (!(error instanceof Unserved)) throw error;
      actor.verdict.count(`unserved: ${name}`);
      if (talk.status !== "I") await talk.ask("rollback", "rollback");
    }
    if (actor.random.chance(0.3)) await after(actor.random.between(0, 20));
  }
}
