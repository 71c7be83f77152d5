import { bind, execute, FLUSH, parse, SYNC } from "../../../support/frontend.js";
import { query, TERMINATE } from "../../../support/protocol.js";
import { ask, halfClose, type Script, tell, topic, until } from "../script.js";

const left = (...steps: Script["steps"]): Script => ({ steps });

export const endings = topic("endings", {
  "Terminate at once": left(until("closed", tell(TERMINATE))),
  "Terminate after a query": left("select 1", until("closed", tell(TERMINATE))),
  "Terminate in the same write as a query": left(until("closed", tell(query("select 1"), TERMINATE))),
  "Terminate behind many queries": left(
    until("closed", tell(...Array.from({ length: 50 }, (_, n) => query(`select ${n}`)), TERMINATE)),
  ),
  "Terminate behind a batch": left(
    until("closed", tell(parse("select 1"), bind(), execute(), SYNC, TERMINATE)),
  ),
  "Terminate behind a batch without Sync": left(
    until("closed", tell(parse("insert into log values ('x')"), bind(), execute(), TERMINATE)),
  ),
  "Terminate behind a Flush": left(
    until("C", tell(parse("insert into log values ('x')"), bind(), execute(), FLUSH)),
    until("closed", tell(TERMINATE)),
  ),
  "Terminate in a transaction": left(
    "begin",
    "insert into log values ('x')",
    until("closed", tell(TERMINATE)),
  ),
  "Terminate in a failed transaction": left("begin", "select 1/0", until("closed", tell(TERMINATE))),
  "Terminate, and more behind it": left(
    until("closed", tell(query("select 1"), TERMINATE, query("insert into log values ('never')"))),
  ),
  "the sending half closes": left("select 1", halfClose(tell())),
  "the sending half closes behind a query": left(halfClose(tell(query("select 1")))),
  "the sending half closes behind many queries": left(
    halfClose(tell(...Array.from({ length: 50 }, (_, n) => query(`select ${n}`)))),
  ),
  "the sending half closes behind a batch": left(
    halfClose(tell(parse("select repeat('x', 100000)"), bind(), execute(), SYNC)),
  ),
  "the sending half closes in a transaction": left(
    "begin",
    "insert into log values ('x')",
    halfClose(tell(query("select 1"))),
  ),
  "work before the end is kept": left(
    until("closed", tell(query("insert into log values ('x')"), TERMINATE)),
  ),
  "one ends, another goes on": left(
    ask(query("begin")),
    "insert into log values ('x')",
    until("closed", tell(TERMINATE)),
  ),
});
