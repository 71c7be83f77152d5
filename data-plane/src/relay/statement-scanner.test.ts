import { describe, expect, it } from "vitest";
import { Effect } from "./effect.js";
import { StatementScanner } from "./statement-scanner.js";

function scanned(sql: string, cuts: readonly number[] = []) {
  const scanner = new StatementScanner((name) => name === "application_name" || name === "timezone");
  const bytes = Buffer.from(sql);
  scanner.begin();
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    scanner.feed(bytes, from, to);
    from = to;
  }
  const effect = scanner.end();
  const { statementNames, settingNames, resetNames } = scanner.names;
  return { effect, statementNames, settingNames, resetNames };
}

const effect = (sql: string): number => scanned(sql).effect;

const NOTHING = [
  "",
  "select 1",
  "set local work_mem = '1MB'",
  "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
  "set constraints all deferred",
  "set application_name to x",
  "SET SESSION application_name = x",
  "set session application_name = x",
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
  "create table t (hold int, listen int)",
  "create temp table t (a int) on commit drop",
  "do $$ begin perform 1; end $$",
  "do $$ begin if true then create type t as enum (); end if; end $$",
  "grant select on t to u",
  "select created.config from created",
  "select x.currency, elevation from t",
  "create index on t (a)) -- one too many",
];

const LOOKS = [
  "set work_mem = '1MB'",
  "SET SESSION work_mem = '1MB'",
  "set session authorization other",
  "set session characteristics as transaction read only",
  "select set_config('a.b', 'c', false)",
  "select set_config('a.b', lower('C'), false), 1",
  "select pg_catalog.set_config('a.b', 'c', $1)",
  "create temp table t (a int)",
  "CREATE TEMPORARY TABLE t (a int)",
  "create temp table t (a int) on commit delete rows",
  "create or replace temp view v as select 1",
  "select 1 into temp t",
  "create table pg_temp.t (a int)",
  "declare c cursor with hold for select 1",
  "select pg_advisory_lock(1)",
  "select pg_catalog.pg_try_advisory_lock_shared(1)",
  "prepare p as select 1",
  "listen x",
  "select 1; listen x; select 2",
  "/* a */ -- b\n listen x",
  "/*/ ' */ listen x",
  "select $$ ' $$; listen x",
  "select E'\\\\'; listen x",
  "select '\\'; listen x",
  "do $$ begin perform set_config('a.b', 'c', false); end $$",
  "do $$ begin create temp table t (a int); end $$",
  "do $$ begin if true then set work_mem = 1; end if; end $$",
  "discard all",
  "reset all",
];

const PINS = [
  "select set_config($1, 'c', false)",
  "select set_config(lower('A.B'), 'c', false)",
  "select set_config(E'a.b', 'c', false)",
  "do 'begin null; end'",
  "do $$ begin execute 'listen x'; end $$",
];

describe("StatementScanner", () => {
  it.each(NOTHING)("sees nothing left behind by: %s", (sql) => {
    expect(effect(sql)).toBe(Effect.none);
  });

  it.each(LOOKS)("has the server asked after: %s", (sql) => {
    expect(effect(sql) & (Effect.looks | Effect.pins)).toBe(Effect.looks);
  });

  it.each(PINS)("keeps the server for what cannot be asked: %s", (sql) => {
    expect(effect(sql) & Effect.pins).toBe(Effect.pins);
  });

  it("tells what may keep the server from what is restored", () => {
    for (const sql of ["listen x", "create temp table t ()", "prepare p as select 1", "load 'x'"])
      expect(effect(sql) & Effect.mayPin, sql).toBe(Effect.mayPin);
    for (const sql of ["set work_mem = 1", "reset all", "discard all", "set role x"])
      expect(effect(sql) & Effect.mayPin, sql).toBe(0);
    for (const sql of ["unlisten *", "discard temp", "deallocate p", "close c", "drop table t"])
      expect(effect(sql) & Effect.mayUnpin, sql).toBe(Effect.mayUnpin);
    expect(effect("load 'x'") & Effect.loads).toBe(Effect.loads);
    expect(effect("select pg_advisory_unlock_all()") & Effect.mayUnpin).toBe(Effect.mayUnpin);
  });

  it("names custom settings, prepared statements, and what is reset", () => {
    expect(scanned("set app.tenant_id = '1'; set Session App.Other to 2").settingNames).toEqual([
      "app.tenant_id",
      "app.other",
    ]);
    expect(scanned("select set_config('App.X', $1, false)").settingNames).toEqual(["app.x"]);
    expect(scanned("reset app.x").resetNames).toEqual(["app.x"]);
    expect(scanned("set work_mem to default; set session a.b = DEFAULT; set c = 1").resetNames).toEqual([
      "work_mem",
      "a.b",
    ]);
    expect(scanned("reset time zone; reset session authorization; discard all").resetNames).toEqual([
      "timezone",
      "session_authorization",
      "all",
    ]);
    expect(scanned('execute a(1); execute "B"; deallocate c; deallocate prepare d').statementNames).toEqual([
      "a",
      "B",
      "c",
      "d",
    ]);
    expect(scanned("explain analyze execute a").statementNames).toEqual(["a"]);
    expect(scanned("prepare a (int) as select 1").statementNames).toEqual(["a"]);
  });

  it("sees when names and constants of other statements may be read by other rules", () => {
    for (const sql of [
      "set local search_path = x",
      "set schema 'x'",
      "set role x",
      "set time zone 'UTC'",
      "reset all",
    ])
      expect(effect(sql) & Effect.parseContext, sql).toBe(Effect.parseContext);
    for (const sql of ["set local work_mem = 1", "set app.x = 1", "set local statement_timeout = 1"])
      expect(effect(sql) & Effect.parseContext, sql).toBe(0);
  });

  it("sees what reads sequences", () => {
    for (const sql of [
      "select lastval()",
      "select pg_catalog.currval('s')",
      "insert into t select CURRVAL('s')",
    ])
      expect(effect(sql) & Effect.readsSequences, sql).toBe(Effect.readsSequences);
  });

  it("sees the same wherever the text is cut", () => {
    for (const sql of [...NOTHING, ...LOOKS, ...PINS, 'execute a(1); execute "B"', "select lastval()"]) {
      const whole = scanned(sql);
      const length = Buffer.byteLength(sql);
      for (let cut = 0; cut <= length; cut++) expect(scanned(sql, [cut]), `${sql} at ${cut}`).toEqual(whole);
      expect(
        scanned(
          sql,
          Array.from({ length }, (_, at) => at),
        ),
      ).toEqual(whole);
    }
  });
});
