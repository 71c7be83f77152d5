import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.js";
import type { RawClient } from "../../support/raw-client.js";
import {
  answers,
  bind,
  describePortal,
  execute,
  parse,
  play,
  query,
  type Script,
  Sides,
  sync,
} from "./sides.js";

const show = (...names: string[]): Buffer[][] => names.map((name) => [query(`show ${name}`)]);
const custom = [query("select current_setting('app.tenant_id', true), current_setting('app.other', true)")];

/** Each is the same, byte for byte, directly and through a pool of one server. */
const SCRIPTS: Readonly<Record<string, Script>> = {
  "settings that are reported, and some that are not": [
    [query("set timezone to 'Asia/Tokyo'")],
    [query("set work_mem to '7MB'; set search_path to pg_catalog, \"a b\"")],
    ...show("timezone", "work_mem", "search_path"),
    [query("reset work_mem")],
    ...show("work_mem", "search_path"),
    [query("reset all")],
    ...show("timezone", "search_path"),
  ],
  "transactions, savepoints and SET LOCAL": [
    [query("begin")],
    [query("set work_mem to '3MB'")],
    [query("savepoint a")],
    [query("set work_mem to '4MB'; set timezone to 'Asia/Tokyo'")],
    [query("rollback to a")],
    ...show("work_mem", "timezone"),
    [query("commit")],
    ...show("work_mem"),
    [query("begin")],
    [query("set local work_mem to '5MB'")],
    [query("set statement_timeout to '1min'")],
    ...show("work_mem", "statement_timeout"),
    [query("rollback")],
    ...show("work_mem", "statement_timeout"),
  ],
  "custom settings": [
    [query("set app.tenant_id to 'x'")],
    custom,
    [query("select set_config('app.other', 'it''s \\ ü', false), set_config('app.tenant_id', 'y', true)")],
    custom,
    [query("begin; set app.tenant_id to 'gone'; rollback")],
    custom,
    [parse("", "select set_config('app.tenant_id', $1, false)"), bind("", ["by bind"]), execute(), sync],
    custom,
    [query("reset app.other")],
  ],
  roles: [
    [query("create role sluice_other")],
    [query("set role sluice_other")],
    [query("select current_user, session_user")],
    [query("select current_user, session_user")],
    [query("reset role")],
    [query("select current_user")],
    [query("set session authorization sluice_other")],
    [query("select current_user, session_user")],
    [query("select current_user, session_user")],
    [query("reset session authorization")],
    [query("select current_user, session_user")],
    [query("drop role sluice_other")],
  ],
  "DISCARD ALL": [
    [query("set work_mem to '7MB'")],
    [query("create temp table t (a int)")],
    [query("discard all")],
    ...show("work_mem"),
    [query("select * from t")],
  ],
  "temporary tables": [
    [query("create temp table t (a int)")],
    [query("insert into t values (1), (2)")],
    [query("select * from t")],
    [query("drop table t")],
    [query("select * from t")],
    [query("begin")],
    [query("create temp table u (a int) on commit drop")],
    [query("select * from u")],
    [query("commit")],
    [query("select * from u")],
    [query("select 1 as a into temp v")],
    [query("table v")],
  ],
  "cursors WITH HOLD": [
    [query("declare c cursor with hold for select generate_series(1, 3)")],
    [query("fetch c")],
    [query("fetch all c")],
    [query("close c")],
    [query("fetch c")],
  ],
  "session advisory locks": [
    [query("select pg_advisory_lock(7)")],
    [query("select count(*) from pg_locks where locktype = 'advisory' and objid = 7")],
    [query("select pg_advisory_unlock(7)")],
    [query("select pg_advisory_unlock(7)")],
  ],
  "sequences, for a client that is alone": [
    [query("create sequence one_seq")],
    [query("select nextval('one_seq')")],
    [query("select currval('one_seq'), lastval()")],
    [parse("", "select lastval()"), bind(""), execute(), sync],
    [query("drop sequence one_seq")],
  ],
  "a statement_timeout that is over at once": [
    [query("set statement_timeout to '1ms'")],
    // Without a RowDescription, which comes or not in so short a time.
    [query("create table never_made as select 1 from pg_sleep(1)")],
    ...show("statement_timeout"),
    [query("reset statement_timeout")],
    ...show("statement_timeout"),
  ],
  "a prepared statement under another search_path": [
    [query("create schema sp_a create table t (a int); create schema sp_b create table t (b text, c text)")],
    [query("insert into sp_a.t values (1); insert into sp_b.t values ('x', 'y')")],
    [query("set search_path to sp_a")],
    [parse("s", "select * from t"), bind("s"), describePortal(), execute(), sync],
    [query("begin")],
    [query("set local search_path to sp_b")],
    [parse("", "select * from t"), bind(""), describePortal(), execute(), sync],
    [query("commit")],
    [bind("s"), describePortal(), execute(), sync],
    [query("set search_path to sp_b")],
    [parse("u", "select * from t"), bind("u"), describePortal(), execute(), sync],
    [query("drop schema sp_a cascade; drop schema sp_b cascade")],
  ],
};

describe("what a session is, in transaction mode", () => {
  let one: Sides;

  beforeAll(async () => {
    one = await Sides.start(1);
  });
  afterAll(async () => {
    await one?.stop();
  });

  for (const [name, script] of Object.entries(SCRIPTS)) {
    it(`is as without a pool: ${name}`, async () => {
      await one.same(script);
    });
  }

  it("is what the client came with, again, after RESET and DISCARD ALL", async () => {
    const script: Script = [
      ...show("timezone", "work_mem", "search_path", "application_name"),
      [query("set timezone to 'Asia/Tokyo'; set work_mem to '9MB'")],
      [query("reset timezone")],
      ...show("timezone", "work_mem"),
      [query("reset all")],
      ...show("timezone", "work_mem", "search_path", "application_name"),
      [query("set work_mem to '9MB'")],
      [parse("", "discard all"), bind(""), execute(), sync],
      ...show("timezone", "work_mem", "search_path", "application_name"),
      [query("begin; reset all; rollback")],
      ...show("timezone", "work_mem"),
    ];
    const startup = {
      timezone: "Europe/Oslo",
      application_name: "mine",
      options: "-c work_mem=5MB -c search_path=pg_catalog",
    };
    expect(await play(await one.pooled(startup), script)).toEqual(
      await play(await one.direct(startup), script),
    );
    const session = await one.pooled(startup, "session");
    // What a client of the extended protocol resets is not followed there.
    const simple = script.filter((step) => Array.isArray(step) && step.length === 1);
    expect(await play(session, simple)).toEqual(await play(await one.direct(startup), simple));
    session.close();
  });

  it("is still what the client had set after a RESET that did not come about", async () => {
    const client = await one.pooled({ timezone: "Europe/Oslo" });
    await client.query("set timezone to 'Asia/Tokyo'");
    await expect(client.query("select 1/0; reset all")).rejects.toThrow("22012");
    expect(await client.query("show timezone")).toEqual([["Asia/Tokyo"]]);
    client.close();
  });

  it("hears what comes while its server is asked", async () => {
    const sides = await Sides.start(3);
    const [a, b] = [await sides.pooled(), await sides.pooled()];
    for (let round = 0; round < 20; round++) {
      a.send(query("listen news"));
      await answers(a, "Z", 1);
      await b.query(`notify news, '${round}'`);
      expect((await answers(a, "A", 1)).at(-1)).toContain(`news·${round}·`);
    }
    a.close();
    b.close();
    await sides.stop();
  });

  it("is never another client's", async () => {
    const [a, b] = [await one.pooled(), await one.pooled({ application_name: "b" })];
    const b0 = await b.query("select current_setting('work_mem'), current_setting('search_path')");
    await a.query(
      "set work_mem to '7MB'; set search_path to nowhere; set app.tenant_id to 'a'; set statement_timeout to '10s'",
    );
    const role = `leak_${Math.random().toString(36).slice(2)}`;
    await a.query(`create role ${role}`);
    await a.query(`set role ${role}`);
    for (let i = 0; i < 3; i++) {
      expect(await b.query("select current_setting('work_mem'), current_setting('search_path')")).toEqual(b0);
      expect(
        await b.query(
          "select current_user, current_setting('app.tenant_id', true), current_setting('application_name')",
        ),
      ).toEqual([[one.database.user, "", "b"]]);
      expect(
        await a.query(
          "select current_user, current_setting('app.tenant_id'), current_setting('statement_timeout')",
        ),
      ).toEqual([[role, "a", "10s"]]);
    }
    a.close();
    expect(await b.query("show search_path")).toEqual([[b0[0]?.[1] ?? ""]]);
    await b.query(`drop role ${role}`);
    b.close();
  });

  it("does not show what a sequence gave to somebody else", async () => {
    const [a, b] = [await one.pooled(), await one.pooled()];
    await a.query("create sequence leak_seq");
    await a.query("select nextval('leak_seq')");
    await expect(b.query("select lastval()")).rejects.toThrow("55000");
    b.send(parse("", "select currval('leak_seq')"), bind(""), execute(), sync);
    expect((await answers(b, "Z", 1)).at(-2)).toContain("55000");
    await a.query("drop sequence leak_seq");
    a.close();
    b.close();
  });

  it("tells a client alone that a setting cannot be had any more, with its message unsent", async () => {
    const [a, b] = [await one.pooled(), await one.pooled()];
    const role = `gone_${Math.random().toString(36).slice(2)}`;
    await b.query(`create role ${role}`);
    await a.query(`set role ${role}`);
    await b.query(`drop role ${role}`);
    await b.query("create table unsent ()");
    await expect(a.query("drop table unsent")).rejects.toThrow("22023");
    expect(await b.query("select count(*) from pg_class where relname = 'unsent'")).toEqual([["1"]]);
    await b.query("drop table unsent");
    a.close();
    b.close();
  });

  it("comes with the client's own message, without a wait, when the server has accepted it before", async () => {
    const [a, b] = [await one.pooled({ application_name: "a" }), await one.pooled({ application_name: "b" })];
    await a.query("set work_mem to '7MB'");
    for (let i = 0; i < 2; i++) {
      expect(
        await b.query("select current_setting('application_name'), current_setting('work_mem')"),
      ).toEqual([["b", "4MB"]]);
      a.send(parse("", "select current_setting('work_mem')"), bind(""), execute(), sync);
      expect(await answers(a, "Z", 1)).toEqual(["1 ", "2 ", "D ·\u0001···\u00037MB", "C SELECT 1·", "Z I"]);
    }
    a.close();
    b.close();
  });
});

describe("what keeps a server", () => {
  it("keeps it for LISTEN, and gives it back after UNLISTEN", async () => {
    const sides = await Sides.start(2);
    try {
      const [a, b] = [await sides.pooled(), await sides.pooled()];
      const pid = async (client: RawClient): Promise<string> =>
        (await client.query("select pg_backend_pid()"))[0]?.[0] ?? "";
      await a.query("listen news");
      const kept = await pid(a);
      for (let i = 0; i < 5; i++) expect(await pid(b)).not.toBe(kept);
      await b.query("notify news, 'hello'");
      const got = await a.message();
      expect([got.type, got.body.toString("latin1").includes("hello")]).toEqual(["A", true]);
      await a.query("unlisten news");
      const all = await eventually("both are free again", async () => {
        await a.query("begin");
        const seen = new Set([await pid(a), await pid(b)]);
        await a.query("rollback");
        return seen.has(kept) && seen.size === 2 ? seen : undefined;
      });
      expect(all.size).toBe(2);
      a.close();
      b.close();
    } finally {
      await sides.stop();
    }
  });

  it("refuses with 53400 whoever would be one too many, and leaves nothing of it", async () => {
    const sides = await Sides.start(2, { maxPinned: 1 });
    try {
      const [a, b] = [await sides.pooled(), await sides.pooled()];
      await a.query("create temp table mine (a int)");
      await expect(b.query("create temp table yours (a int)")).rejects.toThrow("53400");
      b.send(parse("", "listen news"), bind(""), execute(), sync);
      expect((await answers(b, "Z", 1)).map((line) => line.slice(0, 13))).toEqual([
        "1 ",
        "E ERROR 53400",
        "Z I",
      ]);
      await expect(b.query("begin; listen news")).rejects.toThrow("53400");
      expect(await b.query("select count(*) from pg_listening_channels()")).toEqual([["0"]]);
      await a.query("drop table mine");
      await eventually("the first place is free", () => b.query("listen news"));
      await expect(a.query("prepare p as select 1")).rejects.toThrow("53400");
      b.close();
      await eventually("the place is free", () => a.query("prepare p as select 1"));
      a.close();
    } finally {
      await sides.stop();
    }
  });

  it.each([
    { what: "one setting", set: "select length(set_config('app.big', repeat('ä', 15000000), false))" },
    {
      what: "many settings",
      set: `select ${Array.from({ length: 20 }, (_, i) => `length(set_config('app.s${i}', repeat('a', 8000), false))`).join(", ")}`,
    },
  ])("keeps it for $what too long to be remembered, until that is gone", async ({ set }) => {
    const sides = await Sides.start(2);
    try {
      const [a, b, c] = [await sides.pooled(), await sides.pooled(), await sides.pooled()];
      const values =
        "select length(current_setting('app.big', true)), length(current_setting('app.s19', true))";
      const pid = async (client: RawClient): Promise<string> =>
        (await client.query("select pg_backend_pid()"))[0]?.[0] ?? "";
      const before = await a.query(`set timezone to 'Asia/Tokyo'; ${set}`);
      expect(before.flat().length).toBeGreaterThan(0);
      const kept = await pid(a);
      const own = await a.query(values);
      expect(own.flat().filter((length) => Number(length) > 7000)).toHaveLength(1);
      for (let i = 0; i < 5; i++) {
        expect(await pid(b)).not.toBe(kept);
        expect(await a.query(values)).toEqual(own);
      }
      await a.query("reset all");
      await eventually("it is given back", async () => {
        await b.query("begin");
        const both = [await pid(b), await pid(c)];
        await b.query("rollback");
        return both.includes(kept);
      });
      a.close();
      b.close();
      c.close();
    } finally {
      await sides.stop();
    }
  });

  it("is closed, since nothing takes it away, behind a library that a client has loaded", async () => {
    const sides = await Sides.start(1);
    try {
      const a = await sides.pooled();
      const pid = await a.query("select pg_backend_pid()");
      await a.query("load 'plpgsql'");
      expect(await a.query("select pg_backend_pid()")).toEqual(pid);
      a.close();
      const b = await sides.pooled();
      expect(await b.query("select pg_backend_pid()")).not.toEqual(pid);
      b.close();
    } finally {
      await sides.stop();
    }
  });

  it("is gone with the client: tables, locks, channels and statements", async () => {
    const sides = await Sides.start(1);
    try {
      const a = await sides.pooled();
      await a.query("create temp table mine (a int)");
      await a.query("select pg_advisory_lock(99)");
      await a.query("listen news");
      await a.query("prepare mine as select 1");
      await a.query("set work_mem to '7MB'");
      a.close();
      const b = await sides.pooled();
      expect(
        await b.query(
          `select (select count(*) from pg_locks where locktype = 'advisory'), to_regclass('mine') is null,
             (select count(*) from pg_listening_channels()), current_setting('work_mem'),
             (select count(*) from pg_prepared_statements)`,
        ),
      ).toEqual([["0", "t", "0", "4MB", "0"]]);
      b.close();
    } finally {
      await sides.stop();
    }
  });
});
