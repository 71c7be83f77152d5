import { describe, expect, it } from "vitest";
import { SessionSettings } from "./session-settings.js";

const of = (values: Record<string, string>) => SessionSettings.of(new Map(Object.entries(values)));

describe("SessionSettings", () => {
  it("need no query between equals, in whatever order and case they were set", () => {
    const one = of({ TimeZone: "UTC", search_path: "x" });
    const other = of({ SEARCH_PATH: "x", timezone: "UTC" });
    expect(one.equals(other)).toBe(true);
    expect(one.queryFrom(other)).toBeUndefined();
  });

  it("are told apart, whatever bytes are in them", () => {
    const pairs = of({ client_encoding: "UTF8", application_name: "psql" });
    expect(of({ client_encoding: "UTF8" + "\0application_name\0psql" })).not.toBe(pairs);
    expect(of({ client_encoding: "UTF816,4,application_namepsql" })).not.toBe(pairs);
    expect(of({ client_encoding: "UTF8", application_name: "psql" })).toBe(pairs);
  });

  it("are not kept for everybody when they are long", () => {
    const long = { "app.x": "a".repeat(5000) };
    expect(of(long)).not.toBe(of(long));
    expect(of(long).equals(of({ "APP.X": "a".repeat(5000) }))).toBe(true);
  });

  it("reset what is not wanted and set only what differs", () => {
    const before = of({ a: "1", b: "2", "app.gone": "x" });
    expect(of({ a: "1", b: "3" }).queryFrom(before)).toBe(
      `RESET "app"."gone"; SELECT pg_catalog.set_config('b', '3', false)`,
    );
    expect(SessionSettings.EMPTY.queryFrom(of({ a: "1" }))).toBe('RESET "a"');
  });

  it("quote values and names so that nothing gets out of them", () => {
    expect(of({ a: "it's" }).queryFrom(SessionSettings.EMPTY)).toContain("'it''s'");
    expect(of({ a: "\\'; x" }).queryFrom(SessionSettings.EMPTY)).toContain("E'\\\\''; x'");
    expect(SessionSettings.EMPTY.queryFrom(of({ 'a"; x': "1" }))).toBe('RESET "a""; x"');
  });

  it("forget a parameter that is set to the server's own value", () => {
    const set = SessionSettings.EMPTY.with("TimeZone", "UTC", "GMT");
    expect(set.values).toEqual(new Map([["timezone", "UTC"]]));
    expect(set.with("timezone", "UTC", "GMT")).toBe(set);
    expect(set.with("TimeZone", "GMT", "GMT")).toBe(SessionSettings.EMPTY);
  });

  it("do not complete a DateStyle from somebody else's", () => {
    expect(of({ DateStyle: "ISO" }).queryFrom(of({ DateStyle: "SQL, DMY" }))).toBe(
      `RESET "datestyle"; SELECT pg_catalog.set_config('datestyle', 'ISO', false)`,
    );
  });

  it("are not brought about under another's statement_timeout", () => {
    expect(of({ b: "1" }).queryFrom(of({ a: "1", role: "r", statement_timeout: "1ms" }))).toBe(
      `RESET "statement_timeout"; RESET SESSION AUTHORIZATION; RESET ROLE; RESET "a"; SELECT pg_catalog.set_config('b', '1', false)`,
    );
    expect(of({ statement_timeout: "9s" }).queryFrom(of({ statement_timeout: "1ms" }))).toBe(
      `RESET "statement_timeout"; SELECT pg_catalog.set_config('statement_timeout', '9s', false)`,
    );
  });

  it("leave another's role first and take their own last", () => {
    expect(of({ role: "a", b: "1" }).queryFrom(of({ role: "c", d: "1" }))).toBe(
      `RESET SESSION AUTHORIZATION; RESET ROLE; RESET "d"; SELECT pg_catalog.set_config('b', '1', false); SELECT pg_catalog.set_config('role', 'a', false)`,
    );
  });
});
