import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BackendScanner } from "./backend-scanner.js";
import { BodyReader } from "./body-reader.js";
import { decodeErrorFields } from "./error-fields.js";
import { FrameReader } from "./frame-reader.js";
import { MalformedMessage } from "./malformed-message.js";
import { MessageWriter } from "./message-writer.js";
import { BadStartupMessage, StartupPacketTooLarge } from "./startup-failure.js";
import { decodeStartupPacket, MOST_STARTUP_BYTES, startupPacketLength } from "./startup-packet.js";

const bytes = (maxLength = 200): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
/** Lengths as an attacker would choose them. */
const length = fc.oneof(
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  fc.integer({ min: 0, max: 20 }),
  fc.constantFrom(MOST_STARTUP_BYTES, MOST_STARTUP_BYTES + 1, 0x7fff_ffff, -1),
);

function cut(whole: Buffer, at: readonly number[]): Buffer[] {
  const places = [...new Set(at.map((n) => n % (whole.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((from, i) => whole.subarray(from, places[i] ?? whole.length));
}

function onlyThrows(work: () => void, ...classes: readonly (new (...args: never[]) => Error)[]): void {
  try {
    work();
  } catch (error) {
    if (!classes.some((wanted) => error instanceof wanted)) throw error;
  }
}

describe("readers of what strangers send", () => {
  it("take startup packets of any length and content, or say what is wrong", () => {
    fc.assert(
      fc.property(length, fc.integer(), bytes(), (told, code, body) => {
        const packet = new MessageWriter().int32(code).bytes(body).end();
        const lying = Buffer.from(packet);
        lying.writeInt32BE(told);
        onlyThrows(
          () => {
            const read = startupPacketLength(lying);
            expect(read).toBeGreaterThanOrEqual(8);
            expect(read).toBeLessThanOrEqual(MOST_STARTUP_BYTES);
          },
          BadStartupMessage,
          StartupPacketTooLarge,
        );
        onlyThrows(() => void decodeStartupPacket(packet), BadStartupMessage);
      }),
      { numRuns: 2000 },
    );
  });

  it("give the same parameters back, whatever text they hold", () => {
    const text = fc.string({ unit: "binary", maxLength: 40 }).map((t) => t.replaceAll("\0", ""));
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            text.filter((t) => t !== ""),
            text,
          ),
          { maxLength: 8 },
        ),
        (pairs) => {
          const writer = new MessageWriter().int32(0x0003_0000);
          for (const [name, value] of pairs) writer.string(name).string(value);
          const read = decodeStartupPacket(writer.bytes(Buffer.of(0)).end());
          const utf8 = (t: string): string => Buffer.from(t).toString();
          const wanted = new Map(pairs.map(([name, value]) => [utf8(name), utf8(value)]));
          expect(read).toMatchObject({ kind: "startup", parameters: wanted });
        },
      ),
    );
  });

  it("read the same messages wherever they are cut, and hold no more than one", () => {
    const message = fc.record({ type: fc.integer({ min: 1, max: 255 }), body: bytes(60) });
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 10 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (messages, cuts) => {
          const whole = Buffer.concat(
            messages.map(({ type, body }) => new MessageWriter().bytes(body).end(String.fromCharCode(type))),
          );
          const reader = new FrameReader(100);
          const read: { type: number; body: Buffer }[] = [];
          for (const segment of cut(whole, cuts)) {
            reader.push(segment);
            for (let frame = reader.next(); frame !== undefined; frame = reader.next())
              read.push({ type: frame.type, body: Buffer.from(frame.body) });
          }
          expect(read).toEqual(messages);
          expect(reader.takeRest().length).toBe(0);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("refuse a message by its length before they hold it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), length, bytes(30), (type, told, rest) => {
        const head = Buffer.alloc(5);
        head[0] = type;
        head.writeInt32BE(told, 1);
        const reader = new FrameReader(64);
        reader.push(Buffer.concat([head, rest]));
        if (told < 4 || told > 64) expect(() => reader.next()).toThrow(MalformedMessage);
        else expect(reader.next()?.body.length).toBe(rest.length >= told - 4 ? told - 4 : undefined);
      }),
      { numRuns: 1000 },
    );
  });

  it("never read beyond a body", () => {
    const step = fc.constantFrom("byte", "int16", "int32", "string", "bytes" as const);
    fc.assert(
      fc.property(bytes(40), fc.array(fc.tuple(step, length), { maxLength: 20 }), (body, steps) => {
        onlyThrows(() => {
          const reader = new BodyReader(body);
          for (const [name, count] of steps) {
            if (name === "bytes") reader.bytes(count);
            else reader[name as "byte"]();
            expect(reader.remaining).toBeGreaterThanOrEqual(0);
          }
        }, MalformedMessage);
      }),
      { numRuns: 1000 },
    );
  });

  it("find in an error what can be found, and never fail", () => {
    fc.assert(
      fc.property(bytes(), (body) => {
        for (const [name, value] of decodeErrorFields(body)) {
          expect(name).toHaveLength(1);
          expect(value).not.toContain("\0");
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("the scanner of what servers send", () => {
  function scanned(segments: readonly Buffer[]): { seen: string[]; failed: boolean } {
    const seen: string[] = [];
    const scanner = new BackendScanner({
      begins: () => undefined,
      readyForQuery: (status) => seen.push(`ready ${status}`),
      message: (type, body) => seen.push(`${type} ${body.toString("hex")}`),
      copyIn: () => seen.push("copy"),
    });
    try {
      for (const segment of segments) scanner.scan(segment);
    } catch (error) {
      expect(error).toBeInstanceOf(MalformedMessage);
      return { seen, failed: true };
    }
    return { seen, failed: false };
  }

  it("sees the same in any bytes, however they are cut", () => {
    const backend = fc.constantFrom(..."RKZSECDTNAGHWdcntI12st3Vv?");
    const message = fc.record({
      type: backend,
      body: fc.oneof(
        bytes(30),
        fc.constantFrom("I", "T", "E").map((s) => Buffer.from(s)),
      ),
    });
    const stream = fc
      .tuple(fc.array(message, { maxLength: 8 }), bytes(12))
      .map(([messages, tail]) =>
        Buffer.concat([...messages.map(({ type, body }) => new MessageWriter().bytes(body).end(type)), tail]),
      );
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 12 }), (whole, cuts) => {
        expect(scanned(cut(whole, cuts))).toEqual(scanned([whole]));
      }),
      { numRuns: 1000 },
    );
  });
});
