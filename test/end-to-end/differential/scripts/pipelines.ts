import { bind, close, describe, execute, FLUSH, parse, SYNC } from "../../../support/frontend.js";
import { query } from "../../../support/protocol.js";
import { ask, tell, topic, until } from "../script.js";

const run = (sql: string, ...values: readonly string[]): Buffer[] => [
  parse(sql),
  bind({ values }),
  execute(),
];
const inserts = (from: number, to: number): Buffer[] =>
  Array.from({ length: to - from }, (_, n) => [
    ...run("insert into log values ($1)", `${from + n}`),
    SYNC,
  ]).flat();

export const pipelines = topic("pipelines", {
  "batches ahead of their answers": [
    ask(...run("select 1"), SYNC, ...run("select 2"), SYNC, ...run("select 3"), SYNC),
  ],
  "an error in each of them": [
    ask(
      ...run("select 1/0"),
      SYNC,
      ...run("selec"),
      SYNC,
      ...run("select $1::int", "x"),
      SYNC,
      ...run("select 1"),
      SYNC,
    ),
  ],
  "an error at each place of a batch": [
    ask(...run("selec"), ...run("select 2"), SYNC),
    ask(...run("select 1"), ...run("select 1/0"), ...run("select 2"), SYNC),
    ask(...run("select 1"), ...run("select 2"), ...run("select 1/0"), SYNC),
    ask(parse("select 1"), bind({ statement: "unknown" }), execute(), SYNC),
    ask(parse("select 1"), bind(), execute("unknown"), SYNC),
    ask(parse("select 1"), bind(), describe("P", "unknown"), execute(), SYNC),
    ask(parse("select 1"), describe("S", "unknown"), bind(), execute(), SYNC),
    ask(parse("select 1"), bind(), execute(), close("P", "unknown"), close("S", "unknown"), SYNC),
  ],
  "an error leaves the batch behind it alone": [
    ask(
      ...run("insert into log values ('1')"),
      SYNC,
      ...run("select 1/0"),
      SYNC,
      ...run("insert into log values ('3')"),
      SYNC,
    ),
    "select line from log",
  ],
  "a transaction over several batches, ahead": [
    ask(
      ...run("begin"),
      SYNC,
      ...run("insert into log values ('1')"),
      SYNC,
      ...run("commit"),
      SYNC,
      ...run("select line from log"),
      SYNC,
    ),
  ],
  "a failed transaction over several batches, ahead": [
    ask(
      ...run("begin"),
      SYNC,
      ...run("select 1/0"),
      SYNC,
      ...run("select 2"),
      SYNC,
      ...run("rollback"),
      SYNC,
      ...run("select 3"),
      SYNC,
    ),
  ],
  "five hundred batches in one write": [ask(...inserts(0, 500)), "select count(*), sum(line::int) from log"],
  "ten thousand Syncs in one write": [ask(...Array.from({ length: 10_000 }, () => SYNC)), "select 1"],
  "Flush in the middle": [
    until("C", tell(...run("select 1"), FLUSH)),
    until("C", tell(...run("select 2"), FLUSH)),
    ask(...run("select 3"), SYNC),
  ],
  "Flush after each message": [
    until("1", tell(parse("select $1::int as n"), FLUSH)),
    until("T", tell(describe("S"), FLUSH)),
    until("2", tell(bind({ values: ["5"] }), FLUSH)),
    until("C", tell(execute(), FLUSH)),
    ask(SYNC),
  ],
  "Flush and an error": [
    until("E", tell(...run("select 1/0"), FLUSH)),
    tell(...run("select 2"), FLUSH),
    ask(SYNC),
    "select 3",
  ],
  "a long chain with Flush and no Sync": [
    ...Array.from({ length: 60 }, (_, n) => until("C", tell(...run("select $1::text", `link ${n}`), FLUSH))),
    ask(SYNC),
  ],
  "Sync is sent after the answers": [
    until("C", tell(...run("insert into log values ('x')"), FLUSH)),
    ask(SYNC),
    "select count(*) from log",
  ],
  "an open batch is taken back by its error": [
    until("C", tell(...run("insert into log values ('x')"), FLUSH)),
    until("E", tell(...run("select 1/0"), FLUSH)),
    ask(SYNC),
    "select count(*) from log",
  ],
  "a simple query ends an open batch": [
    until("C", tell(...run("insert into log values ('x')"), FLUSH)),
    "select count(*) from log",
    ask(SYNC),
  ],
  "one statement, bound many times": [
    ask(
      parse("select $1::int * $2::int"),
      ...Array.from({ length: 50 }, (_, n) => [bind({ values: [`${n}`, "3"] }), execute()]).flat(),
      SYNC,
    ),
  ],
  "one statement, described each time": [
    ask(
      parse("select $1::int as n"),
      ...Array.from({ length: 20 }, (_, n) => [bind({ values: [`${n}`] }), describe("P"), execute()]).flat(),
      SYNC,
    ),
  ],
  "requests of both protocols, mixed": [
    ask(
      query("select 1"),
      ...run("select 2"),
      SYNC,
      query("select 3; select 4"),
      SYNC,
      ...run("select 5"),
      SYNC,
    ),
  ],
  "an implicit transaction is not torn": [
    ask(
      ...run("insert into log values ('1')"),
      ...run("insert into log values ('2')"),
      ...run("select count(*) from log"),
      SYNC,
    ),
    "select count(*) from log",
  ],
  "BEGIN in the middle of a batch": [
    ask(
      ...run("insert into log values ('1')"),
      ...run("begin"),
      ...run("insert into log values ('2')"),
      SYNC,
    ),
    ask(...run("rollback"), SYNC),
    "select line from log",
  ],
  "COMMIT in the middle of a batch": [
    ask(
      ...run("insert into log values ('1')"),
      ...run("commit"),
      ...run("insert into log values ('2')"),
      ...run("select 1/0"),
      SYNC,
    ),
    "select line from log",
  ],
  "savepoints in a batch": [
    ask(...run("begin"), ...run("savepoint s"), ...run("insert into log values ('1')"), SYNC),
    ask(
      ...run("select 1/0"),
      SYNC,
      ...run("rollback to s"),
      ...run("insert into log values ('2')"),
      ...run("commit"),
      SYNC,
    ),
    "select line from log",
  ],
  "answers larger than what fits, ahead": [
    ask(...Array.from({ length: 30 }, (_, n) => [...run("select repeat($1, 20000)", `${n}.`), SYNC]).flat()),
  ],
  "requests larger than what fits, ahead": [
    ask(
      ...Array.from({ length: 30 }, (_, n) => [
        ...run("select length($1)", "y".repeat(20_000 + n)),
        SYNC,
      ]).flat(),
    ),
  ],
  "notices between the answers": [
    ask(
      ...run("select complain('1')"),
      SYNC,
      ...run("select complain('2')"),
      SYNC,
      query("select complain('3')"),
    ),
  ],
  "settings between the answers": [
    ask(
      query("set datestyle = 'SQL, DMY'"),
      query("select '2026-02-01'::date"),
      query("set datestyle = 'ISO, MDY'"),
      query("select '2026-02-01'::date"),
    ),
    "show datestyle",
  ],
  "Sync without an answer to come": [tell(FLUSH), ask(SYNC), "select 1"],
});
