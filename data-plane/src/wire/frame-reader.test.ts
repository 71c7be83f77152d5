import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameReader } from "./frame-reader.js";
import { MalformedMessage } from "./malformed-message.js";
import { MessageWriter } from "./message-writer.js";

const MESSAGES = Buffer.concat([
  new MessageWriter().string("first").end("Q"),
  new MessageWriter().end("S"),
  new MessageWriter().string("third").end("p"),
]);

function read(segments: readonly Buffer[]): string[] {
  const reader = new FrameReader(1024);
  const seen: string[] = [];
  for (const segment of segments) {
    reader.push(segment);
    for (let frame = reader.next(); frame !== undefined; frame = reader.next())
      seen.push(`${String.fromCharCode(frame.type)}:${frame.body.toString("latin1")}`);
  }
  return seen;
}

describe("FrameReader", () => {
  it("finds the same messages wherever the bytes are cut", () => {
    const whole = ["Q:first\0", "S:", "p:third\0"];
    for (let cut = 0; cut <= MESSAGES.length; cut++)
      expect(read([MESSAGES.subarray(0, cut), MESSAGES.subarray(cut)])).toEqual(whole);
    expect(read([...MESSAGES].map((byte) => Buffer.of(byte)))).toEqual(whole);
  });

  it("finds any messages byte by byte as it finds them at once", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }), (bodies) => {
        const bytes = Buffer.concat(bodies.map((body) => new MessageWriter().bytes(body).end("d")));
        expect(read([...bytes].map((byte) => Buffer.of(byte)))).toEqual(read([bytes]));
      }),
    );
  });

  it("refuses a length below its own four bytes", () => {
    expect(() => read([Buffer.of(0x51, 0, 0, 0, 3)])).toThrow(MalformedMessage);
    expect(() => read([Buffer.of(0x51, 0xff, 0xff, 0xff, 0xff)])).toThrow(MalformedMessage);
  });

  it("refuses a message above the bound from its header alone", () => {
    expect(() => read([Buffer.of(0x51, 0, 0, 4, 1)])).toThrow(MalformedMessage);
    expect(read([Buffer.of(0x51, 0, 0, 4, 0)])).toEqual([]);
  });

  it("hands over what came behind the last message, once", () => {
    const reader = new FrameReader(1024);
    reader.push(Buffer.concat([new MessageWriter().end("S"), Buffer.from("tail")]));
    reader.next();
    expect(reader.takeRest().toString()).toBe("tail");
    expect(reader.takeRest()).toHaveLength(0);
  });
});
