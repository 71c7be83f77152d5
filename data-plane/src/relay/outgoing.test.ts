import { describe, expect, it } from "vitest";
import { Outgoing } from "./outgoing.js";

const SEGMENT = Buffer.from("0123456789".repeat(20));

function sent(change: (out: Outgoing) => void, end = SEGMENT.length): string | undefined {
  const out = new Outgoing();
  // What one segment was made of is not seen in the next.
  for (const part of ["a", "b"]) {
    out.begin(SEGMENT);
    out.insert(1, Buffer.from(part));
    out.end(2);
  }
  out.begin(SEGMENT);
  change(out);
  return out.end(end)?.toString("latin1");
}

describe("Outgoing", () => {
  it("is the segment itself, or a part of it, where nothing is changed", () => {
    const out = new Outgoing();
    out.begin(SEGMENT);
    expect(out.end(SEGMENT.length)).toBe(SEGMENT);
    out.begin(SEGMENT);
    const part = out.end(7);
    expect([part?.toString(), part?.buffer === SEGMENT.buffer]).toEqual(["0123456", true]);
    out.begin(SEGMENT);
    expect(out.end(0)).toBeUndefined();
  });

  it("puts in, takes out and sets, in any order along the segment", () => {
    const whole = SEGMENT.toString();
    expect(sent((out) => out.insert(0, Buffer.from("x")))).toBe(`x${whole}`);
    expect(sent((out) => out.insert(200, Buffer.from("x")))).toBe(`${whole}x`);
    expect(sent((out) => out.cut(0, 190))).toBe(whole.slice(190));
    expect(sent((out) => out.cut(190, 500))).toBe(whole.slice(0, 190));
    expect(sent((out) => out.cut(0, 500))).toBeUndefined();
    expect(sent((out) => out.insert(5, Buffer.alloc(0)), 0)).toBe(whole.slice(0, 5));
    expect(
      sent((out) => {
        out.setInt32(1, 0x41424344);
        out.insert(8, Buffer.from("name"));
        out.cut(8, 100);
        out.insert(100, Buffer.from("!"));
      }),
    ).toBe(`0ABCD567name!${whole.slice(100)}`);
  });
});
