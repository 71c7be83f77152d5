import { COPY_DONE, copyData, copyFail } from "../../../support/frontend.js";
import { query } from "../../../support/protocol.js";
import type { RawLife } from "../raw-life.js";

export async function copyIn(life: RawLife): Promise<void> {
  const talk = life.talk;
  const mark = life.mark();
  talk.send(query("copy owned from stdin"));
  await talk.hear({ marks: [mark], until: "G" });
  const rows = life.random.between(1, 200);
  talk.send(...Array.from({ length: rows }, (_, n) => copyData(`${mark}\t${n}\n`)));
  const fate = life.random.between(0, 3);
  talk.send(...([[COPY_DONE], [copyFail(mark)], [copyData("wrong\tx\n"), COPY_DONE]][fate] ?? []));
  await talk.hear({ marks: [mark], fails: [[], ["57014"], ["22P02"]][fate] ?? [] });
  const found = await talk.ask(mark, `select mark from owned where mark = '${mark}'`);
  life.check("copied", found.length, fate === 0 ? rows : 0);
  if (fate === 0) await talk.ask(mark, `delete from owned where mark = '${mark}'`);
}

export async function copyOut(life: RawLife): Promise<void> {
  const mark = life.mark();
  await life.talk.ask(mark, `copy (select '${mark}', n from generate_series(1, 300) n) to stdout`);
}
