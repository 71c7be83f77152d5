import { bind, close, describe, execute, FLUSH, parse, SYNC } from "../../../support/frontend.js";
import { query } from "../../../support/protocol.js";
import { ask, held, tell, topic, until } from "../script.js";

const ONE = [parse("select $1::int as n"), bind({ values: ["1"] }), execute(), SYNC] as const;

export const extended = topic("extended protocol", {
  "a statement from Parse to Sync": [ask(...ONE)],
  "with descriptions": [
    ask(
      parse("select id, name from item where id = $1"),
      describe("S"),
      bind({ values: ["2"] }),
      describe("P"),
      execute(),
      SYNC,
    ),
  ],
  "a statement that gives no rows": [
    ask(
      parse("insert into log values ($1)"),
      describe("S"),
      bind({ values: ["x"] }),
      describe("P"),
      execute(),
      SYNC,
    ),
    "select line from log",
  ],
  "an empty text": [ask(parse(""), describe("S"), bind(), describe("P"), execute(), SYNC)],
  "a comment only": [ask(parse("-- nothing"), bind(), execute(), SYNC)],
  "types that the client gives": [
    ask(
      parse("select $1, $2, $3", "", [23, 25, 1700]),
      describe("S"),
      bind({ values: ["1", "x", "2.5"] }),
      execute(),
      SYNC,
    ),
  ],
  "types that the server finds": [
    ask(parse("select $1 + 1, $2 || 'x', $3::jsonb"), describe("S"), SYNC),
    ask(...ONE),
  ],
  "some types given and some found": [
    ask(parse("select $1, $2::date", "", [20, 0]), describe("S"), SYNC),
    ask(...ONE),
  ],
  "a type that cannot be found": [
    ask(parse("select $1"), describe("S"), bind({ values: ["x"] }), execute(), SYNC),
  ],
  "NULL and empty values": [
    ask(
      parse("select $1::text, $2::text, $3::bytea"),
      bind({ values: [null, "", Buffer.alloc(0)] }),
      execute(),
      SYNC,
    ),
  ],
  "a row limit": [
    ask(
      parse("select n from generate_series(1, 5) n"),
      bind(),
      execute("", 2),
      execute("", 2),
      execute("", 2),
      execute("", 2),
      SYNC,
    ),
  ],
  "a row limit that is never reached": [ask(parse("select 1"), bind(), execute("", 1000), SYNC)],
  "a row limit of exactly what there is": [
    ask(parse("select n from generate_series(1, 3) n"), bind(), execute("", 3), execute("", 3), SYNC),
  ],
  "Execute twice": [ask(parse("select 1"), bind(), execute(), execute(), SYNC)],
  "Execute twice of a change": [
    ask(parse("insert into log values ('x')"), bind(), execute(), execute(), SYNC),
    "select count(*) from log",
  ],
  "several statements in one batch": [
    ask(...[1, 2, 3].flatMap((n) => [parse(`select ${n}`), bind(), execute()]), SYNC),
  ],
  "a batch is one transaction": [
    ask(
      parse("insert into log values ('1')"),
      bind(),
      execute(),
      parse("select 1/0"),
      bind(),
      execute(),
      parse("insert into log values ('3')"),
      bind(),
      execute(),
      SYNC,
    ),
    "select count(*) from log",
  ],
  "BEGIN and COMMIT as statements of the extended protocol": [
    ask(parse("begin"), bind(), execute(), SYNC),
    ask(parse("insert into log values ('x')"), bind(), execute(), SYNC),
    ask(parse("commit"), bind(), execute(), SYNC),
    "select count(*) from log",
  ],
  "BEGIN, work and COMMIT in one batch": [
    ask(
      ...["begin", "insert into log values ('x')", "commit"].flatMap((sql) => [
        parse(sql),
        bind(),
        execute(),
      ]),
      SYNC,
    ),
    "select count(*) from log",
  ],
  "BEGIN in one batch, which stays open": [
    ask(parse("begin"), bind(), execute(), parse("select 1"), bind(), execute(), SYNC),
    ask(...ONE),
    "rollback",
  ],
  "a failed transaction": [
    "begin",
    ask(parse("select 1/0"), bind(), execute(), SYNC),
    ask(...ONE),
    ask(parse("rollback"), bind(), execute(), SYNC),
  ],
  "Bind in a failed transaction": [
    "begin",
    "select 1/0",
    ask(parse("commit"), bind(), execute(), SYNC),
    "select 1",
  ],
  "several statements in one Parse": [ask(parse("select 1; select 2"), bind(), execute(), SYNC), ask(...ONE)],
  "Parse alone, and the rest later": [
    held(ask(parse("select $1::int * 2"), SYNC)),
    ask(bind({ values: ["21"] }), execute(), SYNC),
  ],
  "Parse and Describe, then Bind, as drivers do": [
    held(ask(parse("select $1::int * 2 as twice"), describe("S"), SYNC)),
    ask(bind({ values: ["21"], results: [1] }), execute(), SYNC),
  ],
  "Parse and Flush, then Bind": [
    held(until("1", tell(parse("select $1::int * 2 as twice"), FLUSH))),
    ask(bind({ values: ["21"] }), execute(), SYNC),
  ],
  "the unnamed statement, used twice": [
    held(ask(parse("select $1::int * 2"), bind({ values: ["1"] }), execute(), SYNC)),
    ask(bind({ values: ["21"] }), execute(), SYNC),
  ],
  "the unnamed statement is gone after a simple query": [
    held(ask(parse("select $1::int * 2"), SYNC)),
    "select 1",
    ask(bind({ values: ["21"] }), execute(), SYNC),
    "select 2",
  ],
  "the unnamed statement outlives a transaction's end": [
    "begin",
    ask(parse("select $1::int * 2"), SYNC),
    held(ask(parse("commit", "named"), bind({ statement: "named" }), execute(), close("S", "named"), SYNC)),
    ask(bind({ values: ["21"] }), execute(), SYNC),
  ],
  "the unnamed statement is not there before the first": [
    ask(bind(), execute(), SYNC),
    ask(describe("S"), SYNC),
    "select 1",
  ],
  "the unnamed statement after a Parse that failed": [
    held(ask(parse("select 1"), SYNC)),
    ask(parse("selec 1"), SYNC),
    ask(bind(), execute(), SYNC),
    "select 1",
  ],
  "the unnamed statement behind a Parse, and a Close, that are skipped": [
    ask(parse("select 'there' as v"), SYNC),
    ask(bind({ statement: "unknown" }), parse("select 'skipped'"), close("S"), SYNC),
    ask(bind(), describe("P"), execute(), SYNC),
  ],
  "the unnamed statement, closed": [
    held(ask(parse("select 1"), SYNC)),
    ask(close("S"), SYNC),
    ask(bind(), execute(), SYNC),
    "select 1",
  ],
  "the unnamed portal, described after Bind": [
    ask(parse("select 1 as one"), bind({ results: [1] }), describe("P"), execute(), SYNC),
  ],
  "the unnamed portal is gone after Sync": [
    ask(parse("select 1"), bind(), SYNC),
    ask(execute(), SYNC),
    "select 1",
  ],
  "the unnamed portal inside a transaction": [
    "begin",
    ask(parse("select n from generate_series(1, 4) n"), bind(), execute("", 1), SYNC),
    ask(execute("", 1), SYNC),
    "select 1",
    ask(execute("", 1), SYNC),
    "rollback",
  ],
  "Sync alone": [ask(SYNC), ask(SYNC, SYNC, SYNC), "select 1"],
  "Flush alone": [tell(FLUSH), "select 1"],
  "Sync inside a transaction": ["begin", ask(SYNC), "select 1", "commit", ask(SYNC)],
  "a simple query in the middle of a batch": [
    until(
      { ready: 2 },
      tell(
        parse("select 1"),
        bind(),
        execute(),
        query("select 2"),
        parse("select 3"),
        bind(),
        execute(),
        SYNC,
      ),
    ),
  ],
  "a simple query in a batch that has failed is passed over": [
    until({ ready: 1 }, tell(parse("select 1/0"), bind(), execute(), query("select 2"), SYNC)),
    "select 3",
  ],
  "a simple query behind a batch": [ask(...ONE, query("select 2"), ...ONE)],
  "statements that cannot be in a batch": [
    ask(parse("vacuum item"), bind(), execute(), SYNC),
    ask(parse("select 1"), bind(), execute(), parse("vacuum item"), bind(), execute(), SYNC),
    "select 1",
  ],
  "a row of 1664 columns": [
    ask(
      parse(`select ${Array.from({ length: 1664 }, (_, n) => n).join(",")}`),
      bind(),
      describe("P"),
      execute(),
      SYNC,
    ),
  ],
  "65535 parameters": [
    ask(
      parse(
        `select array_length(array[${Array.from({ length: 65535 }, (_, n) => `$${n + 1}::int`).join(",")}], 1)`,
      ),
      bind({ values: Array.from({ length: 65535 }, (_, n) => String(n)) }),
      execute(),
      SYNC,
    ),
  ],
  "too few and too many values": [
    ask(parse("select $1::int, $2::int"), bind({ values: ["1"] }), execute(), SYNC),
    ask(parse("select $1::int"), bind({ values: ["1", "2"] }), execute(), SYNC),
    "select 1",
  ],
  "a value that is not of its type": [
    ask(parse("select $1::int"), bind({ values: ["x"] }), execute(), SYNC),
    "select 1",
  ],
  "more result formats than columns": [
    ask(parse("select 1"), bind({ results: [0, 0] }), execute(), SYNC),
    "select 1",
  ],
  "a format that does not exist": [
    ask(parse("select $1::int"), bind({ values: ["1"], formats: [7] }), execute(), SYNC),
    "select 1",
  ],
  "notices in a batch": [
    ask(
      parse("select complain($1)"),
      bind({ values: ["of this"] }),
      execute(),
      bind({ values: ["of that"] }),
      execute(),
      SYNC,
    ),
  ],
  "utility statements": [
    ask(
      ...["create table made (n int)", "insert into made values (1)", "drop table made"].flatMap((sql) => [
        parse(sql),
        bind(),
        execute(),
      ]),
      SYNC,
    ),
  ],
  "explain and show": [
    ask(parse("explain (costs off) select 1"), describe("S"), bind(), execute(), SYNC),
    ask(parse("show server_version_num"), describe("S"), bind(), execute(), SYNC),
  ],
});
