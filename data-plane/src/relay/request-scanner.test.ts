import { describe, expect, it } from "vitest";
import { MalformedMessage, MessageWriter } from "../wire/index.js";
import { Ledger } from "./ledger.js";
import { RequestScanner } from "./request-scanner.js";

const query = (sql: string) => new MessageWriter().string(sql).end("Q");
const parse = (name: string, sql: string) => new MessageWriter().string(name).string(sql).int16(0).end("P");
const bind = (statement: string) =>
  new MessageWriter().string("").string(statement).int16(0).int16(0).int16(0).end("B");
const describeStatement = (name: string) => new MessageWriter().bytes(Buffer.from("S")).string(name).end("D");
const EXECUTE = new MessageWriter().string("").int32(0).end("E");
const SYNC = new MessageWriter().end("S");
const TERMINATE = new MessageWriter().end("X");

function scan(segments: readonly Buffer[]) {
  const ledger = new Ledger();
  const scanner = new RequestScanner(ledger, () => false);
  const seen = { pins: false, discardsAll: false, usesUnnamed: false, terminates: false };
  for (const segment of segments) {
    const findings = scanner.scan(segment);
    seen.pins ||= findings.pins;
    seen.discardsAll ||= findings.discardsAll;
    seen.usesUnnamed ||= findings.usesUnnamed;
    seen.terminates ||= findings.terminates;
  }
  return { ...seen, owed: ledger.owed, settled: scanner.settled, inside: scanner.insideMessage };
}

const NOTHING = { pins: false, discardsAll: false, usesUnnamed: false, terminates: false, inside: false };

describe("RequestScanner", () => {
  it("counts what the server owes for queries and batches", () => {
    const batch = [parse("", "select 1"), bind(""), EXECUTE, SYNC];
    expect(scan([Buffer.concat([query("select 1"), ...batch])])).toEqual({
      ...NOTHING,
      owed: 2,
      settled: true,
    });
  });

  it("sees the same wherever the bytes are cut", () => {
    for (const messages of [
      [query("select 1"), parse("", "select 1"), bind(""), describeStatement(""), EXECUTE, SYNC],
      [parse("named", "select 1"), bind("named"), EXECUTE, SYNC],
      [query("listen x"), query("discard all"), query("")],
      [bind(""), EXECUTE, SYNC, query("set work_mem = 1")],
      [parse("", "select 1"), describeStatement(""), SYNC],
    ]) {
      const bytes = Buffer.concat(messages);
      const whole = scan([bytes]);
      for (let cut = 0; cut <= bytes.length; cut++)
        expect(scan([bytes.subarray(0, cut), bytes.subarray(cut)]), `at ${cut}`).toEqual(whole);
      expect(scan([...bytes].map((byte) => Buffer.of(byte)))).toEqual(whole);
    }
  });

  it("keeps the server for a named statement and for what a text leaves behind", () => {
    expect(scan([parse("named", "select 1")]).pins).toBe(true);
    expect(scan([parse("", "listen x")]).pins).toBe(true);
    expect(scan([query("discard all")]).discardsAll).toBe(true);
  });

  it("tells of an unnamed statement that this server has no Parse for", () => {
    expect(scan([bind("")]).usesUnnamed).toBe(true);
    expect(scan([describeStatement("")]).usesUnnamed).toBe(true);
    expect(scan([bind("named")]).usesUnnamed).toBe(false);
    expect(scan([parse("", "select 1"), SYNC, query("select 1"), bind("")]).usesUnnamed).toBe(true);
  });

  it("is not settled inside a message, inside a batch, or while a described statement is still wanted", () => {
    expect(scan([SYNC.subarray(0, 3)])).toMatchObject({ settled: false, inside: true });
    expect(scan([EXECUTE])).toMatchObject({ settled: false, inside: false });
    expect(scan([parse("", "select 1"), describeStatement(""), SYNC]).settled).toBe(false);
    expect(scan([parse("", "select 1"), SYNC, bind(""), EXECUTE, SYNC]).settled).toBe(true);
  });

  it("ends the segment before a Terminate", () => {
    const first = query("select 1");
    const scanner = new RequestScanner(new Ledger(), () => false);
    expect(scanner.scan(Buffer.concat([first, TERMINATE]))).toMatchObject({
      terminates: true,
      end: first.length,
    });
  });

  it("knows that the server is inside a message when a Terminate came in parts", () => {
    for (let cut = 1; cut < TERMINATE.length; cut++) {
      const parts = [query("select 1"), TERMINATE.subarray(0, cut), TERMINATE.subarray(cut)];
      expect(scan(parts)).toMatchObject({ terminates: true, inside: true, settled: false });
    }
    expect(scan([query("select 1"), TERMINATE])).toMatchObject({ terminates: true, inside: false });
  });

  it("refuses strangers to the protocol from their first byte, passwords and bad lengths", () => {
    for (const bytes of [Buffer.from("?"), Buffer.from("GET / HTTP/1.1\r\n")])
      expect(() => scan([bytes])).toThrow(MalformedMessage);
    expect(() => scan([new MessageWriter().string("x").end("p")])).toThrow(MalformedMessage);
    expect(() => scan([Buffer.of(0x51, 0, 0, 0, 3)])).toThrow(MalformedMessage);
  });
});
