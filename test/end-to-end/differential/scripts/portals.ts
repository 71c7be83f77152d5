import { bind, close, describe, execute, FLUSH, parse, SYNC } from "../../../support/frontend.js";
import { ask, tell, topic, until } from "../script.js";

const series = parse("select n from generate_series(1, 6) n");

export const portals = topic("portals", {
  "a named portal, read in parts": [
    "begin",
    ask(series, bind({ portal: "p" }), execute("p", 2), SYNC),
    ask(execute("p", 2), SYNC),
    ask(execute("p", 3), SYNC),
    ask(execute("p", 1), SYNC),
    "commit",
  ],
  "two portals, read in turn": [
    "begin",
    ask(series, bind({ portal: "p" }), bind({ portal: "q" }), SYNC),
    ask(execute("p", 2), execute("q", 1), execute("p", 2), execute("q", 4), SYNC),
    ask(close("P", "p"), execute("q", 1), SYNC),
    ask(execute("p", 1), SYNC),
    "rollback",
  ],
  "a portal outside a transaction is gone after Sync": [
    ask(series, bind({ portal: "p" }), execute("p", 2), SYNC),
    ask(execute("p", 2), SYNC),
    "select 1",
  ],
  "a portal is gone at the transaction's end": [
    "begin",
    ask(series, bind({ portal: "p" }), execute("p", 2), SYNC),
    "commit",
    ask(execute("p", 2), SYNC),
    "select 1",
  ],
  "a portal is gone after a failure": [
    "begin",
    ask(series, bind({ portal: "p" }), execute("p", 2), SYNC),
    "select 1/0",
    ask(execute("p", 2), SYNC),
    "rollback",
  ],
  "a portal is gone after a rollback to a savepoint before it": [
    "begin",
    "savepoint s",
    ask(series, bind({ portal: "p" }), execute("p", 2), SYNC),
    "rollback to s",
    ask(execute("p", 2), SYNC),
    "rollback",
  ],
  "a name that is taken": [
    "begin",
    ask(series, bind({ portal: "p" }), bind({ portal: "p" }), SYNC),
    "rollback",
  ],
  "the unnamed portal is replaced": [ask(series, bind(), bind(), execute("", 1), SYNC)],
  "a portal that nobody has": [
    ask(execute("nobody"), SYNC),
    ask(describe("P", "nobody"), SYNC),
    ask(close("P", "nobody"), SYNC),
    "select 1",
  ],
  described: [
    "begin",
    ask(series, bind({ portal: "p", results: [1] }), describe("P", "p"), SYNC),
    ask(describe("P", "p"), execute("p"), SYNC),
    "commit",
  ],
  "of a statement that gives no rows": [
    "begin",
    ask(
      parse("insert into log values ('x')"),
      bind({ portal: "p" }),
      describe("P", "p"),
      execute("p"),
      execute("p"),
      SYNC,
    ),
    "commit",
  ],
  "of a named statement": [
    ask(parse("select n from generate_series(1, $1::int) n", "s"), SYNC),
    "begin",
    ask(bind({ portal: "p", statement: "s", values: ["4"] }), execute("p", 3), SYNC),
    ask(close("S", "s"), SYNC),
    ask(execute("p", 3), SYNC),
    "commit",
  ],
  "a cursor of SQL is a portal": [
    "begin",
    "declare c cursor for select n from generate_series(1, 4) n",
    ask(describe("P", "c"), execute("c", 2), SYNC),
    "fetch 1 from c",
    ask(close("P", "c"), SYNC),
    "fetch 1 from c",
    "rollback",
  ],
  "a portal is a cursor of SQL": [
    "begin",
    ask(series, bind({ portal: "p" }), SYNC),
    "fetch 2 from p",
    ask(execute("p", 2), SYNC),
    "commit",
  ],
  "a suspended portal and other work": [
    "begin",
    ask(series, bind({ portal: "p" }), execute("p", 2), SYNC),
    "insert into log values ('x')",
    ask(parse("select count(*) from log"), bind(), execute(), SYNC),
    ask(execute("p"), SYNC),
    "commit",
  ],
  "a suspended portal that is left": [
    ask(series, bind(), execute("", 1), SYNC),
    "select 1",
    ask(series, bind(), execute("", 1), close("P"), SYNC),
  ],
  "Flush while suspended": [
    until("s", tell(series, bind(), execute("", 2), FLUSH)),
    until("s", tell(execute("", 2), FLUSH)),
    until("C", tell(execute("", 100), FLUSH)),
    ask(SYNC),
  ],
  "a suspended change": [
    "begin",
    ask(
      parse("insert into log select n from generate_series(1, 4) n returning line"),
      bind({ portal: "p" }),
      execute("p", 1),
      SYNC,
    ),
    ask(execute("p"), SYNC),
    "commit",
    "select count(*) from log",
  ],
  "an error while a portal is read": [
    "begin",
    ask(
      parse("select 10 / (3 - n) from generate_series(1, 6) n"),
      bind({ portal: "p" }),
      execute("p", 2),
      SYNC,
    ),
    ask(execute("p", 2), SYNC),
    "rollback",
  ],
  "strange names": [
    "begin",
    ...["P_1", "sluice_1", `"`, "ä", "a b", "x".repeat(200)].map((portal) =>
      ask(series, bind({ portal }), execute(portal, 1), close("P", portal), SYNC),
    ),
    "commit",
  ],
  "held over a commit": {
    pins: true,
    steps: [
      "begin",
      "declare c cursor with hold for select n from generate_series(1, 4) n",
      "commit",
      "fetch 2 from c",
      "select 1",
      "fetch 2 from c",
      "close c",
      "fetch c",
    ],
  },
  "held, declared outside a transaction": {
    pins: true,
    steps: [
      "declare c cursor with hold for select id from item order by id",
      "fetch all from c",
      "close all",
      "fetch c",
    ],
  },
  "held, and rolled back": {
    pins: true,
    steps: ["begin", "declare c cursor with hold for select 1", "rollback", "fetch c"],
  },
});
