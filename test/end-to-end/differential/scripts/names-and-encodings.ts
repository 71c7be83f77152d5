import { bind, describe, execute, parse, SYNC } from "../../../support/frontend.js";
import { message } from "../../../support/protocol.js";
import { ask, topic } from "../script.js";

const raw = (...bytes: readonly (string | number[])[]): Buffer =>
  message(
    "Q",
    Buffer.concat([
      ...bytes.map((each) => (typeof each === "string" ? Buffer.from(each) : Buffer.from(each))),
      Buffer.of(0),
    ]),
  );

export const namesAndEncodings = topic("names and encodings", {
  "letters of many scripts": [
    "select 'ä', 'Ж', '中', '🙂', 'a\u0301'",
    `select 1 as "Größe", 2 as "名前"`,
    `create table "Tabelle ü" ("Spalte ß" int)`,
    `select "Spalte ß" from "Tabelle ü"`,
    `select "spalte ß" from "Tabelle ü"`,
  ],
  quotes: [
    `create table "a""b" ("c'd" int)`,
    `insert into "a""b" values (1)`,
    `select * from "a""b"`,
    `drop table "a""b"`,
    "select 'it''s', E'it\\'s', $$it's$$, $x$ $$ $x$, U&'\\0041', e'\\x41'",
  ],
  "comments in odd places": [
    "select /* one /* nested */ */ 1 -- end",
    "select 1 -- ; begin",
    "select 1 /* begin */",
    "/* commit */ select 1; -- rollback\n select 2",
    "select '--', '/*', 1 /* ' */",
  ],
  "words of transactions in texts": [
    "select 'begin; rollback'",
    `select 1 as "commit"`,
    "select $$begin$$",
    "create table commit (begin int)",
    `select begin from "commit"`,
    "drop table commit",
  ],
  "words of sessions in texts": [
    "select 'listen x', 'create temp table', 'discard all', 'prepare'",
    `select 1 as listen, 2 as "temp", 3 as discard`,
    "select 'with hold', 'pg_advisory_lock'",
  ],
  "another encoding of the client": [
    "set client_encoding = 'LATIN1'",
    ask(raw("select '", [0xe4], "'")),
    "select 'x'",
    "reset client_encoding",
    "select 'ä'",
  ],
  "bytes that are not of the encoding": [
    ask(raw("select '", [0xe4], "'")),
    ask(raw("select '", [0xff, 0xfe, 0xfd], "'")),
    "select 1",
  ],
  "a letter that the client's encoding has not": [
    "set client_encoding = 'LATIN1'",
    "select U&'\\4E2D'",
    "select 1",
    "reset client_encoding",
  ],
  SQL_ASCII: [
    "set client_encoding = 'SQL_ASCII'",
    ask(raw("select length('", [0xc3, 0xa4], "')")),
    "reset client_encoding",
  ],
  "an encoding that is not one of the server's": [
    "set client_encoding = 'SJIS'",
    "select 'x', '表'",
    "reset client_encoding",
  ],
  "errors in the client's encoding": [
    "set client_encoding = 'LATIN1'",
    ask(raw('select "', [0xe4], '"')),
    "reset client_encoding",
  ],
  "an encoding from the startup packet": {
    startup: { client_encoding: "LATIN1" },
    steps: [
      ask(raw("select '", [0xe4], "', length('", [0xe4], "')")),
      "show client_encoding",
      "set client_encoding = 'UTF8'",
      "select 'ä'",
      "reset client_encoding",
      "show client_encoding",
    ],
  },
  "parameters in the client's encoding": [
    "set client_encoding = 'LATIN1'",
    ask(parse("select $1::text, length($1)"), bind({ values: [Buffer.from([0xe4])] }), execute(), SYNC),
    "reset client_encoding",
  ],
  "white space of all kinds": ["\t\n\r\f select\u000b1", "\n\n\nselect 1\n\n\n;\n\n"],
  "control characters": ["select E'\\x01\\x02\\x7f', length(E'\\t')", "select '\u0001'"],
  "a long name": [
    `create table ${"t".repeat(63)} (n int)`,
    `create table ${"u".repeat(70)} (n int)`,
    `select * from ${"u".repeat(70)}`,
  ],
  "a name that is a word": [
    `select "select".* from (select 1 as "from") as "select"`,
    "select 1 as end",
    `select end.end from (select 1 as "end") as "end"`,
  ],
  "names of functions like our words": [
    "create function listen() returns int language sql as 'select 1'",
    "select listen()",
    "create function set_config_(a text) returns int language sql as 'select 2'",
    "select set_config_('x')",
  ],
  "a statement that begins with a parenthesis": [
    "(select 1)",
    "((select 1) union all (select 2)) order by 1",
    ask(parse("(select $1::int)"), describe("S"), bind({ values: ["1"] }), execute(), SYNC),
  ],
});
