import { setTimeout as after } from "node:timers/promises";
import { bind, copyData, execute, FLUSH, parse, SYNC } from "../../../support/frontend.js";
import { query, TERMINATE } from "../../../support/protocol.js";
import type { RawLife } from "../raw-life.js";

/** Goes without a word, in the middle of something. */
export async function vanishes(life: RawLife): Promise<void> {
  const talk = life.talk;
  const mark = life.mark();
  const insert = query(`insert into owned values ('${mark}', 1)`);
  const batch = [parse("select $1::text, pg_sleep(0.05)"), bind({ values: [mark] }), execute()];
  const large = query(`select '${mark}', repeat('y', 1000) from generate_series(1, 20000)`);
  const said: Buffer = Buffer.concat(
    life.random.pick<readonly Buffer[]>([
      [query("begin"), insert],
      [query("begin"), insert, query("select pg_sleep(0.3)")],
      [query("begin"), query("select 1/0")],
      [query(`select '${mark}', pg_sleep(${life.random.next() * 2})`)],
      [...batch, SYNC],
      batch,
      [...batch, FLUSH],
      [parse(`select $1::text, '${mark}'`, "t"), SYNC],
      [large],
      [large, large, ...batch, SYNC],
      [query("copy owned from stdin"), copyData(`${mark}\t1\n`)],
      [query(`copy (select '${mark}' from generate_series(1, 100000)) to stdout`)],
      [query("set timezone = 'Asia/Tokyo'"), query(`set app.own = '${mark}'`), query("begin")],
      [query("create temp table left_behind (n int)"), query("listen left_behind")],
      [
        query(`set app.own = '${mark}'; select pg_advisory_lock(4711)`),
        query("prepare left_behind as select 1"),
      ],
      [insert, TERMINATE],
    ]),
  );
  const whole = life.random.chance(0.5);
  talk.send(whole ? said : said.subarray(0, life.random.between(1, said.length)));
  await after(life.random.between(0, 60));
  life.vanish();
}

/** Says no more, and still reads all that it is owed. */
export async function closesHalf(life: RawLife): Promise<void> {
  const talk = life.talk;
  const marks = [life.mark(), life.mark(), life.mark()];
  talk.send(...marks.map((mark) => query(`select '${mark}'`)));
  talk.client.socket.end();
  const rows = await talk.hear({ marks, ready: marks.length });
  life.check(
    "after the half close",
    rows,
    marks.map((mark) => [mark]),
  );
  life.vanish();
}
