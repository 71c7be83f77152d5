import {
  bind,
  COPY_DONE,
  copyData,
  copyFail,
  describe,
  execute,
  FLUSH,
  parse,
  SYNC,
} from "../../../support/frontend.js";
import { query } from "../../../support/protocol.js";
import { ask, tell, topic, until } from "../script.js";

const into = (sql = "copy log from stdin"): Buffer => query(sql);
const begun = (sql?: string) => until("G", tell(into(sql)));
const counted = "select count(*), min(line), max(line) from log";

export const copy = topic("COPY", {
  out: [
    "copy item to stdout",
    "copy (select 1, null, 'a\tb\\c') to stdout",
    "copy item to stdout csv header",
  ],
  "out, nothing": ["copy log to stdout", "copy (select 1 where false) to stdout csv header"],
  "out, binary": ["copy item to stdout binary", "copy log to stdout (format binary)"],
  "out of many rows": ["copy (select n, repeat('x', n % 100) from generate_series(1, 5000) n) to stdout"],
  "out that fails half way": [
    "copy (select 10 / (50 - n) from generate_series(1, 100) n) to stdout",
    "select 1",
  ],
  "out by extended protocol": [
    ask(parse("copy item to stdout"), describe("S"), bind(), describe("P"), execute(), SYNC),
  ],
  "out in one text with others": ["select 1; copy item to stdout; select 2"],
  "out inside a transaction": ["begin", "copy item to stdout", "commit"],
  in: [begun(), until({ ready: 1 }, tell(copyData("a\nb\n"), copyData("c\n"), COPY_DONE)), counted],
  "in, nothing": [begun(), until({ ready: 1 }, tell(COPY_DONE)), counted],
  "in, with the end marker": [begun(), until({ ready: 1 }, tell(copyData("a\n\\.\n"), COPY_DONE)), counted],
  "in, in odd pieces": [
    begun(),
    tell(copyData("a"), copyData(""), copyData("b\nc")),
    tell(copyData("\n")),
    until({ ready: 1 }, tell(copyData("d\n"), COPY_DONE)),
    counted,
  ],
  "in, csv": [
    begun("copy item from stdin csv header"),
    until({ ready: 1 }, tell(copyData('id,name\n7,"se""ven"\n8,\n'), COPY_DONE)),
    "select * from item where id > 6 order by id",
  ],
  "in, binary": [
    begun("copy item from stdin binary"),
    until(
      { ready: 1 },
      tell(
        copyData(
          Buffer.concat([
            Buffer.from("PGCOPY\n\xff\r\n\0", "latin1"),
            Buffer.alloc(8),
            Buffer.from("0002000000040000000900000004", "hex"),
            Buffer.from("nine"),
            Buffer.from("ffff", "hex"),
          ]),
        ),
        COPY_DONE,
      ),
    ),
    "select * from item where id = 9",
  ],
  "in, and the client gives up": [
    begun(),
    until({ ready: 1 }, tell(copyData("a\n"), copyFail("changed my mind"))),
    counted,
  ],
  "in, and the client gives up at once": [begun(), until({ ready: 1 }, tell(copyFail(""))), counted],
  "in, and the data is wrong": [
    begun("copy item from stdin"),
    until({ ready: 1 }, tell(copyData("x\ty\n"), COPY_DONE)),
    "select count(*) from item",
    "select 1",
  ],
  "in, and the data is wrong before its end": [
    begun("copy item from stdin"),
    until({ ready: 1 }, tell(copyData("x\ty\n"))),
    tell(copyData("9\tnine\n"), COPY_DONE),
    "select count(*) from item",
  ],
  "in, wrong, and much more comes": [
    begun("copy item from stdin"),
    until(
      { ready: 1 },
      tell(
        copyData("x\ty\n"),
        ...Array.from({ length: 200 }, (_, n) => copyData(`${n + 50}\t${"z".repeat(500)}\n`)),
        COPY_DONE,
      ),
    ),
    "select count(*) from item",
  ],
  "in, wrong, and the client gives up late": [
    begun("copy item from stdin"),
    until({ ready: 1 }, tell(copyData("x\ty\n"))),
    tell(copyFail("late")),
    "select count(*) from item",
  ],
  "in, and a row is there already": [
    begun("copy item from stdin"),
    until({ ready: 1 }, tell(copyData("1\tagain\n"), COPY_DONE)),
    "select count(*) from item",
  ],
  "in, refused before it begins": [
    "copy nowhere from stdin",
    tell(COPY_DONE),
    "select 1",
    tell(copyData("late\n"), COPY_DONE),
    "select 2",
  ],
  "in, refused before it begins, all in one write": [
    until({ ready: 1 }, tell(into("copy nowhere from stdin"), copyData("a\n"), COPY_DONE)),
    "select 1",
  ],
  "in, all in one write": [until({ ready: 1 }, tell(into(), copyData("a\nb\n"), COPY_DONE)), counted],
  "in, all in one write, and a query behind": [
    until({ ready: 2 }, tell(into(), copyData("a\nb\n"), COPY_DONE, query("select 1"))),
    counted,
  ],
  "in, twice in one write": [
    until({ ready: 2 }, tell(into(), copyData("a\n"), COPY_DONE, into(), copyData("b\n"), COPY_DONE)),
    counted,
  ],
  "in, wrong, twice in one write": [
    until(
      { ready: 2 },
      tell(
        into("copy item from stdin"),
        copyData("x\n"),
        COPY_DONE,
        into("copy item from stdin"),
        copyData("y\n"),
        COPY_DONE,
      ),
    ),
    "select 1",
  ],
  "in, inside a transaction": [
    "begin",
    begun(),
    until({ ready: 1 }, tell(copyData("a\n"), COPY_DONE)),
    counted,
    "rollback",
    counted,
  ],
  "in, inside a transaction, wrong": [
    "begin",
    begun("copy item from stdin"),
    until({ ready: 1 }, tell(copyData("x\n"), COPY_DONE)),
    "select 1",
    "rollback",
    "select 1",
  ],
  "in, in one text with others": [
    until("G", tell(query("select 1; copy log from stdin; select 2"))),
    until({ ready: 1 }, tell(copyData("a\n"), COPY_DONE)),
    counted,
  ],
  "in, twice in one text": [
    until("G", tell(query("copy log from stdin; copy log from stdin"))),
    until("G", tell(copyData("a\n"), COPY_DONE)),
    until({ ready: 1 }, tell(copyData("b\n"), COPY_DONE)),
    counted,
  ],
  "in, twice in one text, and the first fails": [
    until("G", tell(query("copy item from stdin; copy log from stdin"))),
    until({ ready: 1 }, tell(copyData("x\n"), COPY_DONE)),
    counted,
  ],
  "in, by extended protocol": [
    until("G", tell(parse("copy log from stdin"), describe("S"), bind(), describe("P"), execute(), FLUSH)),
    until("C", tell(copyData("a\n"), COPY_DONE, FLUSH)),
    ask(SYNC),
    counted,
  ],
  "in, by extended protocol, Sync sent with the data's end": [
    until("G", tell(parse("copy log from stdin"), bind(), execute(), FLUSH)),
    ask(copyData("a\n"), COPY_DONE, SYNC),
    counted,
  ],
  "in, by extended protocol, Sync sent before the data": [
    until("G", tell(parse("copy log from stdin"), bind(), execute(), SYNC)),
    tell(copyData("a\n"), SYNC, FLUSH, copyData("b\n")),
    ask(COPY_DONE, SYNC),
    counted,
  ],
  "in, by extended protocol, all in one write": [
    until(
      { ready: 1 },
      tell(parse("copy log from stdin"), bind(), execute(), SYNC, copyData("a\n"), COPY_DONE, SYNC),
    ),
    counted,
  ],
  "in, by extended protocol, wrong": [
    until("G", tell(parse("copy item from stdin"), bind(), execute(), FLUSH)),
    ask(copyData("x\n"), COPY_DONE, SYNC),
    "select count(*) from item",
  ],
  "in, by extended protocol, wrong before its end": [
    until("G", tell(parse("copy item from stdin"), bind(), execute(), FLUSH)),
    until("E", tell(copyData("x\n"))),
    tell(copyData("y\n"), COPY_DONE),
    ask(SYNC),
    "select count(*) from item",
  ],
  "in, by extended protocol, given up": [
    until("G", tell(parse("copy log from stdin"), bind(), execute(), FLUSH)),
    ask(copyData("a\n"), copyFail("no"), SYNC),
    counted,
  ],
  "in, by a named statement": [
    ask(parse("copy log from stdin", "s"), SYNC),
    until("G", tell(bind({ statement: "s" }), execute(), FLUSH)),
    ask(copyData("a\n"), COPY_DONE, SYNC),
    until("G", tell(bind({ statement: "s" }), execute(), FLUSH)),
    ask(copyData("b\n"), copyFail("not again"), SYNC),
    counted,
  ],
  "another query while data is awaited": [
    begun(),
    until({ ready: 1 }, tell(query("select 1"))),
    "select 2",
    counted,
  ],
  "Sync and Flush while data is awaited": [
    begun(),
    tell(SYNC, FLUSH, SYNC),
    until({ ready: 1 }, tell(copyData("a\n"), COPY_DONE)),
    counted,
  ],
  "Parse while data is awaited": [
    begun(),
    until({ ready: 1 }, tell(parse("select 1"))),
    ask(SYNC),
    "select 2",
  ],
  "data that nobody awaits": [
    tell(copyData("a\n"), COPY_DONE, copyFail("x")),
    "select 1",
    ask(copyData("b\n"), query("select 2"), COPY_DONE, query("select 3")),
  ],
  "data that nobody awaits, inside a transaction": [
    "begin",
    tell(copyData("a\n"), COPY_DONE),
    "select 1",
    "commit",
  ],
  "data that nobody awaits, in a batch": [
    ask(parse("select 1"), bind(), copyData("a\n"), execute(), COPY_DONE, SYNC),
    "select 2",
  ],
  "many small rows": [
    begun(),
    until({ ready: 1 }, tell(...Array.from({ length: 3000 }, (_, n) => copyData(`${n}\n`)), COPY_DONE)),
    "select count(*), sum(line::int) from log",
  ],
  "rows cut anywhere": [
    begun(),
    until(
      { ready: 1 },
      tell(
        ...(
          `${Array.from({ length: 300 }, (_, n) => `${n}:${"y".repeat(n % 50)}`).join("\n")}\n`.match(
            /[\s\S]{1,37}/g,
          ) ?? []
        ).map((piece) => copyData(piece)),
        COPY_DONE,
      ),
    ),
    counted,
  ],
  "one large row": [
    begun(),
    until({ ready: 1 }, tell(copyData("w".repeat(2_000_000)), copyData("\n"), COPY_DONE)),
    "select length(line) from log",
    "copy log to stdout",
  ],
  "with a notice for each row": [
    "create function told() returns trigger language plpgsql as $$ begin raise notice 'row %', new.line; return new; end $$",
    "create trigger tells before insert on log for each row execute function told()",
    begun(),
    until({ ready: 1 }, tell(copyData("a\nb\n"), COPY_DONE)),
  ],
  "where it must not be": [
    "copy log from '/nonexistent'",
    "copy log to '/nonexistent/x'",
    "copy log from program 'exit 3'",
    "select 1",
  ],
  "on_error ignore": [
    begun("copy item from stdin (on_error ignore)"),
    until({ ready: 1 }, tell(copyData("x\ty\n10\tten\n"), COPY_DONE)),
    "select count(*) from item",
  ],
});
