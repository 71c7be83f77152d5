import { bind, close, execute, FLUSH, parse, SYNC } from "../../../support/frontend.js";
import type { RawLife } from "../raw-life.js";

/** All clients use the same name, each for a text of its own. */
export async function preparedStatement(life: RawLife): Promise<void> {
  const talk = life.talk;
  if (!life.prepared) {
    talk.send(parse(`select $1::text, '${life.who}'`, "s"), SYNC);
    await talk.hear({ marks: [] });
    life.prepared = true;
  }
  const marks = Array.from({ length: life.random.between(1, 5) }, () => life.mark());
  talk.send(...marks.flatMap((mark) => [bind({ statement: "s", values: [mark] }), execute(), SYNC]));
  const rows = await talk.hear({ marks, ready: marks.length });
  life.check(
    "prepared",
    rows,
    marks.map((mark) => [mark, life.who]),
  );
  if (life.random.chance(0.1)) {
    talk.send(close("S", "s"), SYNC);
    await talk.hear({ marks: [] });
    life.prepared = false;
  }
}

export async function pipeline(life: RawLife): Promise<void> {
  const talk = life.talk;
  const marks = Array.from({ length: life.random.between(2, 12) }, () => life.mark());
  const wrong = life.random.chance(0.3) ? life.random.pick(marks) : undefined;
  talk.send(
    ...marks.flatMap((mark) =>
      mark === wrong
        ? [
            parse(`select '${mark}', 1/0`),
            bind(),
            execute(),
            parse("select 'never'"),
            bind(),
            execute(),
            SYNC,
          ]
        : [parse(`select $1::text, '${life.who}'`), bind({ values: [mark] }), execute(), SYNC],
    ),
  );
  const rows = await talk.hear({ marks, ready: marks.length, fails: ["22012"] });
  life.check(
    "pipeline",
    rows,
    marks.filter((mark) => mark !== wrong).map((mark) => [mark, life.who]),
  );
}

export async function flush(life: RawLife): Promise<void> {
  const talk = life.talk;
  const mark = life.mark();
  talk.send(parse("select $1::text"), bind({ values: [mark] }), execute(), FLUSH);
  const rows = await talk.hear({ marks: [mark], until: "C", open: true });
  talk.send(SYNC);
  await talk.hear({ marks: [mark] });
  life.check("flush", rows, [[mark]]);
}
