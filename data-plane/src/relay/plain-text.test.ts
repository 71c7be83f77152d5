import { describe, expect, it } from "vitest";
import { Effect } from "./effect.js";
import { isPlainText } from "./plain-text.js";
import { StatementScanner } from "./statement-scanner.js";
import { NO_NAMES } from "./text-names.js";

const PLAIN = [
  "SELECT abalance FROM pgbench_accounts WHERE aid = 12345;",
  "UPDATE pgbench_tellers SET tbalance = tbalance + -100 WHERE tid = 1;",
  "INSERT INTO t (a, b) VALUES ($1, $2), ($3, 'it''s; listen x')",
  'select "User"."id", "User"."name" from "public"."User" where "User"."id" = $1 limit $2',
  "begin; select 1 / 2 - 1; commit",
  "with x as (select 1) select * from x where then_ = 'e' and type in ('a', E)",
  "BEGIN",
  "",
  " ;; ",
];

const NOT_PLAIN = [
  "set work_mem = 1",
  "select 1; set work_mem = 1",
  "select set_config('a.b', 'c', false)",
  'select "set_config"(1, 2, 3)',
  "select 1 into TEMP t",
  "select pg_catalog.pg_advisory_lock(1)",
  "insert into t select CURRVAL('s')",
  "select E'\\'; listen x'",
  "select $$ $$",
  "select $a$ $a$",
  "select a$b",
  "select 1 -- it's",
  "select 1 /* it's */",
  '"select" 1',
  "'a' . begin set x",
];

/** What texts are made of here: all that either of the two looks at. */
const FRAGMENTS = [
  ...[
    "select",
    "INSERT",
    "with",
    "hold",
    "begin",
    "commit",
    "create",
    "set",
    "reset",
    "do",
    "listen",
    "load",
  ],
  ...["temp", "temporary", "into", "execute", "prepare", "deallocate", "discard", "all", "local", "to", "x"],
  ...["set_config", "lastval", "pg_advisory_lock", "pg_try_advisory_lock_shared", "pg_advisory_unlock_all"],
  ...[
    "'",
    "''",
    "E'",
    "e",
    "\\'",
    '"',
    "$",
    "$1",
    "$$",
    "$a$",
    "--",
    "-",
    "/",
    "/*",
    "*/",
    "*",
    "\n",
    " ",
    " ",
  ],
  ...[";", ".", "(", ")", ",", "true", "é", "\0"],
];

describe("isPlainText", () => {
  it.each(PLAIN)("says so of: %s", (sql) => {
    expect(isPlain(sql)).toBe(true);
  });

  it.each(NOT_PLAIN)("leaves to the scanner: %s", (sql) => {
    expect(isPlain(sql)).toBe(false);
  });

  it("says so only of texts in which the scanner finds nothing", () => {
    const scanner = new StatementScanner(() => false);
    const next = randomNumbers(20_261_201);
    let plain = 0;
    for (let n = 0; n < 200_000; n++) {
      let sql = ["select", "begin", "with", ""][next(4)] ?? "";
      for (let left = next(9); left > 0; left--)
        sql += (next(2) === 0 ? " " : "") + (FRAGMENTS[next(FRAGMENTS.length)] ?? "");
      if (!isPlain(sql)) continue;
      plain += 1;
      const bytes = Buffer.from(sql);
      scanner.begin();
      scanner.feed(bytes, 0, bytes.length);
      if (scanner.end() !== Effect.none || scanner.names !== NO_NAMES) expect.fail(`not plain: ${sql}`);
    }
    expect(plain).toBeGreaterThan(10_000);
  });
});

function isPlain(sql: string): boolean {
  const bytes = Buffer.from(`${sql}\0`);
  return isPlainText(bytes, 0, bytes.length - 1);
}

/** Numbers below a bound, the same with each run. (mulberry32) */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
