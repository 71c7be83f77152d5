import type { RawLife } from "../raw-life.js";

export async function temporaryTable(life: RawLife): Promise<void> {
  const talk = life.talk;
  const mark = life.mark();
  if (!life.temporary) {
    await talk.ask(mark, "create temp table mine (mark text)");
    life.temporary = true;
  }
  await talk.ask(mark, `insert into mine values ('${mark}')`);
  const found = await talk.ask(mark, `select '${mark}', mark from mine`);
  for (const [, line = ""] of found) life.check("temporary", line.split(":")[0], life.who);
  if (life.random.chance(0.5)) {
    await talk.ask(mark, "drop table mine");
    life.temporary = false;
  }
}

export async function listens(life: RawLife): Promise<void> {
  const talk = life.talk;
  const mark = life.mark();
  await talk.ask(mark, `listen news_${life.who}`);
  await talk.ask(mark, `notify news_${life.who}, '${mark}'`);
  if (life.random.chance(0.5)) await talk.ask(mark, "unlisten *");
}

export async function lock(life: RawLife): Promise<void> {
  const talk = life.talk;
  const mark = life.mark();
  await talk.ask(mark, `select '${mark}', pg_try_advisory_lock(hashtext('${life.who}'))`);
  if (life.random.chance(0.5)) await talk.ask(mark, `select '${mark}', pg_advisory_unlock_all()`);
}

export async function sqlPrepare(life: RawLife): Promise<void> {
  const talk = life.talk;
  const mark = life.mark();
  await talk.ask(mark, `prepare p as select '${mark}'`);
  life.check("executed", await talk.ask(mark, "execute p"), [[mark]]);
  await talk.ask(mark, "deallocate p");
}
