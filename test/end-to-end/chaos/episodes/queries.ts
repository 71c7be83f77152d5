import { setTimeout as after } from "node:timers/promises";
import { cancelRequest, query } from "../../../support/protocol.js";
import { RawClient } from "../../../support/raw-client.js";
import type { RawLife } from "../raw-life.js";

/** Whether the session is as this client has made it. */
export async function looksAround(life: RawLife): Promise<void> {
  const mark = life.mark();
  const rows = await life.talk.ask(
    mark,
    `select '${mark}', coalesce(current_setting('app.own', true), ''), current_setting('application_name'),
      current_setting('timezone'), current_setting('search_path'),
      (select count(*) from pg_class where relnamespace = pg_my_temp_schema() and relkind = 'r')`,
  );
  life.check(
    "around",
    rows.map((row) => row.slice(1)),
    [[life.own, life.who, life.zone || "UTC", '"$user", public', life.temporary ? "1" : "0"]],
  );
}

export async function transaction(life: RawLife): Promise<void> {
  const talk = life.talk;
  const mark = life.mark();
  await talk.ask(mark, "begin");
  await talk.ask(mark, `insert into owned values ('${mark}', 1)`);
  const inside = `select mark, n from owned where mark = '${mark}'`;
  life.check("inside", (await talk.ask(mark, inside)).length, 1);
  if (life.random.chance(0.2)) await talk.ask(mark, "select 1/0", ["22012"]);
  life.check("status", ["T", "E"].includes(talk.status), true);
  const failed = talk.status === "E";
  const keep = life.random.chance(0.5);
  await talk.ask(mark, keep ? "commit" : "rollback");
  life.check("kept", (await talk.ask(mark, inside)).length, keep && !failed ? 1 : 0);
  if (keep) await talk.ask(mark, `delete from owned where mark = '${mark}'`);
}

/** The error names what this client has asked. */
export async function error(life: RawLife): Promise<void> {
  const talk = life.talk;
  const mark = life.mark();
  const wrong = `invalid input syntax for type integer: "${mark}"`;
  await talk.ask(mark, `select cast('${mark}' as int)`, ["22P02"]);
  life.check("error", talk.failures, [wrong]);
}

export async function notice(life: RawLife): Promise<void> {
  const mark = life.mark();
  await life.talk.ask(mark, `select told('${mark}')`);
}

export async function large(life: RawLife): Promise<void> {
  const talk = life.talk;
  const mark = life.mark();
  const count = life.random.between(100, 4000);
  talk.send(query(`select '${mark}', repeat('x', 300) from generate_series(1, ${count})`));
  if (life.random.chance(0.5)) {
    talk.client.socket.pause();
    await after(life.random.between(1, 150));
    talk.client.socket.resume();
  }
  life.check("rows", (await talk.hear({ marks: [mark] })).length, count);
}

export async function cancels(life: RawLife): Promise<void> {
  const talk = life.talk;
  const mark = life.mark();
  talk.send(query(`select '${mark}', pg_sleep(${life.random.pick(["0", "0.01", "0.2"])})`));
  await after(life.random.between(0, 40));
  talk.cancelledAtMs = performance.now();
  const { ports } = life.world.fleet.dataPlane;
  try {
    const other = await RawClient.connect(ports[life.mode]);
    other.send(cancelRequest(talk.key.pid, talk.key.secret));
    await other.rest();
    other.close();
  } catch {
    // The data plane is away: nothing is cancelled.
  }
  await talk.hear({ marks: [mark], fails: ["57014"] });
}
