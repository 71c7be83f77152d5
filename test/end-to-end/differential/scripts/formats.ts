import { bind, describe, execute, functionCall, parse, SYNC } from "../../../support/frontend.js";
import { ask, topic } from "../script.js";

const TYPES = [
  "1::int2",
  "2::int4",
  "3::int8",
  "4.5::float4",
  "6.7::float8",
  "true",
  "'t'::text",
  "'ab'::bytea",
  "'2026-01-02'::date",
  "'2026-01-02 03:04:05+00'::timestamptz",
  "'1 day'::interval",
  "12.34::numeric",
  "'{1,2}'::int[]",
  `'{"a":1}'::jsonb`,
  "'11111111-2222-3333-4444-555555555555'::uuid",
  "'10.0.0.0/8'::cidr",
  "null::int",
];
/** Of pg_proc: int4pl, textcat, pg_sleep is void, lower. */
const INT4PL = 177;
const TEXTCAT = 1258;
const LOWER = 870;
const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

export const formats = topic("formats and function calls", {
  "all types as text": [ask(parse(`select ${TYPES.join(", ")}`), describe("S"), bind(), execute(), SYNC)],
  "all types in binary": [
    ask(parse(`select ${TYPES.join(", ")}`), bind({ results: [1] }), describe("P"), execute(), SYNC),
  ],
  "formats in turn": [
    ask(
      parse(`select ${TYPES.join(", ")}`),
      bind({ results: TYPES.map((_, n) => n % 2) }),
      describe("P"),
      execute(),
      SYNC,
    ),
  ],
  "parameters in binary": [
    ask(
      parse("select $1::int4 + $2::int4, $3::text, $4::bytea"),
      bind({ values: [int(40), int(2), "x", Buffer.from([0, 1, 255])], formats: [1], results: [1] }),
      execute(),
      SYNC,
    ),
  ],
  "parameters in both formats": [
    ask(
      parse("select $1::int4 + $2::int4"),
      bind({ values: [int(40), "2"], formats: [1, 0] }),
      execute(),
      SYNC,
    ),
  ],
  "wrong binary": [
    ask(parse("select $1::int4"), bind({ values: [Buffer.from([1, 2, 3])], formats: [1] }), execute(), SYNC),
    "select 1",
  ],
  "bytes that are no text": [
    ask(parse("select $1::text"), bind({ values: [Buffer.from([0xff, 0xfe])] }), execute(), SYNC),
    ask(parse("select $1::text"), bind({ values: [Buffer.from([65, 0, 66])] }), execute(), SYNC),
    "select 1",
  ],
  "a binary cursor": ["begin", "declare c binary cursor for select 1, 'x'", "fetch c", "commit"],
  "a composite and a domain": [
    "create type pair as (a int, b text); create domain small as int check (value < 10)",
    ask(
      parse("select row(1, 'x')::pair, 5::small"),
      describe("S"),
      bind({ results: [1, 0] }),
      execute(),
      SYNC,
    ),
    "select 50::small",
  ],
  "an enum": [
    "create type mood as enum ('good', 'bad')",
    ask(parse("select $1::mood"), describe("S"), bind({ values: ["good"] }), execute(), SYNC),
    ask(parse("select $1::mood"), bind({ values: ["none"] }), execute(), SYNC),
  ],
  "a function call": [ask(functionCall(INT4PL, ["40", "2"]))],
  "a function call in binary": [ask(functionCall(INT4PL, [int(40), int(2)], [1], 1))],
  "a function call with texts": [ask(functionCall(TEXTCAT, ["a", "b"])), ask(functionCall(LOWER, ["ABC"]))],
  "a function call with NULL": [ask(functionCall(TEXTCAT, ["a", null]))],
  "a function call that fails": [
    ask(functionCall(INT4PL, ["2147483647", "1"])),
    ask(functionCall(INT4PL, ["1"])),
    ask(functionCall(999_999_999, [])),
    "select 1",
  ],
  "function calls inside a transaction": [
    "begin",
    ask(functionCall(INT4PL, ["40", "2"])),
    ask(functionCall(INT4PL, ["x", "2"])),
    ask(functionCall(INT4PL, ["40", "2"])),
    "rollback",
  ],
  "function calls ahead": [
    ask(functionCall(INT4PL, ["1", "2"]), functionCall(INT4PL, ["3", "4"]), functionCall(LOWER, ["X"])),
  ],
  "a function call between batches": [
    ask(
      parse("select 1"),
      bind(),
      execute(),
      SYNC,
      functionCall(INT4PL, ["1", "2"]),
      parse("select 3"),
      bind(),
      execute(),
      SYNC,
    ),
  ],
  "a function call with a large value": [ask(functionCall(LOWER, ["A".repeat(300_000)]))],
});
