import { describe, expect, it } from "vitest";
import { errorResponse, parameterStatus, READY_IDLE } from "./backend-messages.js";
import { BackendScanner } from "./backend-scanner.js";
import { MalformedMessage } from "./malformed-message.js";
import { MessageWriter } from "./message-writer.js";

const STATUS = parameterStatus("TimeZone", "UTC");
const STREAM = Buffer.concat([
  STATUS,
  new MessageWriter().bytes(Buffer.alloc(30, 0x5a)).end("D"),
  new MessageWriter().end("I"),
  errorResponse("ERROR", "42601", "syntax error"),
  new MessageWriter().bytes(Buffer.of(0)).int16(0).end("G"),
  READY_IDLE,
]);

function scan(segments: readonly Buffer[]) {
  const events: string[] = [];
  const offsets: number[] = [];
  const begun: (readonly [string, number, number])[] = [];
  const passed: Buffer[] = [];
  let base = 0;
  const scanner = new BackendScanner({
    readyForQuery: (status, end) => {
      events.push(`ready ${String.fromCharCode(status)}`);
      offsets.push(base + end);
    },
    begins: (type, start, end) => begun.push([String.fromCharCode(type), base + start, base + end]),
    message: (type, body) => events.push(`${String.fromCharCode(type)} ${body.toString("latin1")}`),
    copyIn: () => events.push("copy in"),
  });
  for (const segment of segments) {
    const whole = scanner.scan(segment);
    passed.push(whole);
    base += whole.length;
  }
  return { events, offsets, begun, passed: Buffer.concat(passed), between: scanner.betweenMessages };
}

describe("BackendScanner", () => {
  it("tells of the messages that matter and of no others", () => {
    const { events, offsets, begun, passed, between } = scan([STREAM]);
    expect(events.map((event) => event.slice(0, 7))).toEqual(["S TimeZ", "E SERRO", "copy in", "ready I"]);
    expect(begun.map(([type]) => type)).toEqual(["S", "I", "E", "G", "Z"]);
    expect(begun[0]).toEqual(["S", 0, STATUS.length]);
    expect(offsets).toEqual([STREAM.length]);
    expect(passed).toEqual(STREAM);
    expect(between).toBe(true);
  });

  it("refuses a ReadyForQuery that is not one byte long, instead of reading its neighbour's", () => {
    const next = new MessageWriter().end("I");
    for (const body of [Buffer.alloc(0), Buffer.from("II")]) {
      const whole = Buffer.concat([new MessageWriter().bytes(body).end("Z"), next]);
      expect(() => scan([whole])).toThrow(MalformedMessage);
      expect(() => scan([...whole].map((byte) => Buffer.of(byte)))).toThrow(MalformedMessage);
    }
  });

  it("tells the same, at the same offsets, wherever the bytes are cut", () => {
    const whole = scan([STREAM]);
    for (let cut = 0; cut <= STREAM.length; cut++)
      expect(scan([STREAM.subarray(0, cut), STREAM.subarray(cut)])).toEqual(whole);
    expect(scan([...STREAM].map((byte) => Buffer.of(byte)))).toEqual(whole);
  });

  it("is not between messages inside a header or a body", () => {
    expect(scan([READY_IDLE.subarray(0, 2)]).between).toBe(false);
    expect(scan([READY_IDLE.subarray(0, 5)]).between).toBe(false);
  });

  it("refuses a length that no message has", () => {
    expect(() => scan([Buffer.of(0x44, 0, 0, 0, 3)])).toThrow(MalformedMessage);
    expect(() => scan([Buffer.of(0x44, 0xff), Buffer.of(0xff, 0xff, 0xff)])).toThrow(MalformedMessage);
  });
});
