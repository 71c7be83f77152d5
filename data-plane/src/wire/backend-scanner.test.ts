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

function scan(segments: readonly Buffer[]): { events: string[]; offsets: number[]; between: boolean } {
  const events: string[] = [];
  const offsets: number[] = [];
  let base = 0;
  const scanner = new BackendScanner({
    readyForQuery: (status, end) => {
      events.push(`ready ${String.fromCharCode(status)}`);
      offsets.push(base + end);
    },
    message: (type, body, end) => {
      events.push(`${String.fromCharCode(type)} ${body.toString("latin1")}`);
      offsets.push(base + end);
    },
    copyIn: () => events.push("copy in"),
  });
  for (const segment of segments) {
    scanner.scan(segment);
    base += segment.length;
  }
  return { events, offsets, between: scanner.betweenMessages };
}

describe("BackendScanner", () => {
  it("tells of the messages that matter and of no others", () => {
    const { events, offsets, between } = scan([STREAM]);
    expect(events.map((event) => event.slice(0, 7))).toEqual(["S TimeZ", "E SERRO", "copy in", "ready I"]);
    expect(offsets[0]).toBe(STATUS.length);
    expect(offsets.at(-1)).toBe(STREAM.length);
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
