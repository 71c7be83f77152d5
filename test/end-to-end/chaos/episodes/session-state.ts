import type { RawLife } from "../raw-life.js";
import { looksAround } from "./queries.js";

const ZONES = ["UTC", "Asia/Tokyo", "America/New_York", "Europe/Rome"];

export async function settings(life: RawLife): Promise<void> {
  const talk = life.talk;
  const mark = life.mark();
  const zone = life.random.pick(ZONES);
  const undone = life.random.chance(0.3);
  if (undone) await talk.ask(mark, "begin");
  await talk.ask(mark, `set timezone = '${zone}'`);
  if (!undone) life.zone = zone;
  await talk.ask(mark, `set app.own = '${mark}'`);
  if (!undone) life.own = mark;
  if (undone) await talk.ask(mark, "rollback");
  await looksAround(life);
}

export async function discards(life: RawLife): Promise<void> {
  await life.talk.ask(life.mark(), "discard all");
  life.zone = "";
  life.own = "";
  life.temporary = false;
  life.prepared = false;
  await looksAround(life);
}
