import { describe, expect, it } from "vitest";
import { Effect, StatementScanner } from "./statement-scanner.js";

function effect(sql: string, cuts: readonly number[] = []): number {
  const scanner = new StatementScanner((name) => name === "search_path" || name === "timezone");
  const bytes = Buffer.from(sql);
  scanner.begin();
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    scanner.feed(bytes, from, to);
    from = to;
  }
  return scanner.end();
}

const NOTHING = [
  "",
  "select 1",
  "set local work_mem = '1MB'",
  "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
  "set constraints all deferred",
  "set search_path to x",
  "SET SESSION search_path = x",
  "set time zone 'UTC'",
  "select set_config('a.b', 'c', true)",
  "select pg_advisory_xact_lock(1)",
  "select 'set work_mem = 1; listen x'",
  "select 'it''s; listen x'",
  "select E'\\'; listen x'",
  'select "listen"; select "a;listen x"',
  "-- ; listen x\nselect 1",
  "/* ; listen x /* nested */ ; listen y */ select 1",
  "/*/ ; listen x */ select 1",
  "select $$; listen x$$",
  "select $a$; listen $b$ ; load $$ $a$",
  "select $1, $2",
  "prepare transaction 'x'",
  "update t set a = 1",
  "select temp from t",
];

const PINS = [
  "set work_mem = '1MB'",
  "SET SESSION work_mem = '1MB'",
  "set role other",
  "set session authorization other",
  "reset all",
  "select set_config('a.b', 'c', false)",
  "select set_config('a.b', lower('C'), false), 1",
  "create temp table t (a int)",
  "CREATE TEMPORARY TABLE t (a int)",
  "create or replace temp view v as select 1",
  "select 1 into temp t",
  "create table pg_temp.t (a int)",
  "declare c cursor with hold for select 1",
  "select pg_advisory_lock(1)",
  "select pg_catalog.pg_try_advisory_lock_shared(1)",
  "prepare p as select 1",
  "listen x",
  "load 'x'",
  "do $$ begin end $$",
  "select 1; listen x; select 2",
  "/* a */ -- b\n listen x",
  "/*/ ' */ listen x",
  "select $$ ' $$; listen x",
  "select E'\\\\'; listen x",
  "select '\\'; listen x",
];

describe("StatementScanner", () => {
  it.each(NOTHING)("sees nothing left behind by: %s", (sql) => {
    expect(effect(sql)).toBe(Effect.none);
  });

  it.each(PINS)("keeps the server for: %s", (sql) => {
    expect(effect(sql)).toBe(Effect.pins);
  });

  it("tells DISCARD ALL from the other forms", () => {
    expect(effect("discard all")).toBe(Effect.discardsAll);
    expect(effect("discard plans")).toBe(Effect.none);
    expect(effect("listen x; discard all")).toBe(Effect.pins | Effect.discardsAll);
  });

  it("sees the same wherever the text is cut", () => {
    for (const sql of [...NOTHING, ...PINS]) {
      const whole = effect(sql);
      const length = Buffer.byteLength(sql);
      for (let cut = 0; cut <= length; cut++) expect(effect(sql, [cut]), `${sql} at ${cut}`).toBe(whole);
      expect(
        effect(
          sql,
          Array.from({ length }, (_, at) => at),
        ),
      ).toBe(whole);
    }
  });
});
