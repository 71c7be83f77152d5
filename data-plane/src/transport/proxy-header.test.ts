import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BadProxyHeader, readProxyHeader } from "./proxy-header.js";

const SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");

function v2(command: number, family: number, rest: Uint8Array, length = rest.length): Buffer {
  return Buffer.concat([SIGNATURE, Buffer.of(0x20 | command, family, length >> 8, length & 255), rest]);
}

describe("a PROXY header", () => {
  it.each([
    ["PROXY TCP4 192.0.2.1 198.51.100.1 1234 6543\r\n", "192.0.2.1", 1234],
    ["PROXY TCP6 2001:db8::1 2001:db8::2 1234 6543\r\n", "2001:db8::1", 1234],
    ["PROXY UNKNOWN\r\n", undefined, undefined],
    ["PROXY UNKNOWN anything at all 1 2\r\n", undefined, undefined],
  ])("of version 1 is read: %j", (text, source, port) => {
    const held = Buffer.concat([Buffer.from(text), Buffer.from("behind")]);
    expect(readProxyHeader(held)).toEqual({ kind: "header", length: text.length, source, port });
  });

  it("of version 2 is read, TLVs passed over", () => {
    const v4 = v2(1, 0x11, Buffer.from("c0000201c633640104d2198f03000400000000", "hex"));
    expect(readProxyHeader(v4)).toEqual({
      kind: "header",
      length: v4.length,
      source: "192.0.2.1",
      port: 1234,
    });
    const v6 = v2(
      1,
      0x21,
      Buffer.concat([
        Buffer.from("20010db8000000000000000000000001", "hex"),
        Buffer.alloc(16),
        Buffer.from("04d2198f", "hex"),
      ]),
    );
    expect(readProxyHeader(v6)).toEqual({
      kind: "header",
      length: v6.length,
      source: "2001:db8:0:0:0:0:0:1",
      port: 1234,
    });
    expect(readProxyHeader(v2(0, 0, Buffer.alloc(0)))).toEqual({
      kind: "header",
      length: 16,
      source: undefined,
    });
    expect(readProxyHeader(v2(1, 0, Buffer.alloc(3)))).toEqual({
      kind: "header",
      length: 19,
      source: undefined,
    });
  });

  it("is none when the bytes are the protocol's own", () => {
    expect(readProxyHeader(Buffer.from("0000000804d2162f", "hex"))).toEqual({ kind: "none" });
    expect(readProxyHeader(Buffer.from("GET / HTTP/1.1"))).toEqual({ kind: "none" });
  });

  it.each([
    ["a PROXY line without an end", Buffer.from(`PROXY TCP4 ${"1".repeat(120)}`)],
    ["a PROXY line that cannot be read", Buffer.from("PROXY TCP4 192.0.2.1 198.51.100.1 1234\r\n")],
    ["a PROXY line that cannot be read", Buffer.from("PROXY TCP4 ::1 ::1 1 2\r\n")],
    ["a PROXY line that cannot be read", Buffer.from("PROXY TCP4  192.0.2.1 198.51.100.1 1 2\r\n")],
    ["an unknown PROXY version", Buffer.concat([SIGNATURE, Buffer.of(0x11, 0x11, 0, 0)])],
    ["an unknown PROXY version", Buffer.concat([SIGNATURE, Buffer.of(0x22, 0x11, 0, 0)])],
    ["a PROXY header that is too long", v2(1, 0x11, Buffer.alloc(0), 65_535)],
    ["a PROXY header that cannot be read", v2(1, 0x11, Buffer.alloc(11))],
    ["a PROXY header that cannot be read", v2(1, 0x31, Buffer.alloc(216))],
  ])("%s is refused", (what, held) => {
    expect(() => readProxyHeader(held)).toThrow(what);
  });

  it("is never read differently for coming in pieces", () => {
    const whole = [
      Buffer.from("PROXY TCP4 192.0.2.1 198.51.100.1 1234 6543\r\n"),
      v2(1, 0x11, Buffer.from("c0000201c633640104d2198f", "hex")),
    ];
    for (const header of whole) {
      for (let at = 0; at < header.length; at++)
        expect(readProxyHeader(header.subarray(0, at))).toEqual({ kind: "incomplete" });
    }
  });

  it("never fails in another way than by BadProxyHeader, whatever comes", () => {
    const beginning = fc.constantFrom(Buffer.from("PROXY "), SIGNATURE, Buffer.alloc(0));
    fc.assert(
      fc.property(beginning, fc.uint8Array({ maxLength: 300 }), (start, rest) => {
        try {
          const read = readProxyHeader(Buffer.concat([start, rest]));
          if (read.kind === "header") expect(read.length).toBeLessThanOrEqual(start.length + rest.length);
        } catch (error) {
          expect(error).toBeInstanceOf(BadProxyHeader);
        }
      }),
    );
  });
});
