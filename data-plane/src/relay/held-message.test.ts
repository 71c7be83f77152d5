import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { HeldMessage } from "./held-message.js";

describe("HeldMessage", () => {
  it.each([1, 7, 4096])("is whole when enough has come, in parts of %i bytes", (size) => {
    const held = new HeldMessage();
    const message = randomBytes(20_000);
    held.hold(Buffer.concat([Buffer.from("before"), message.subarray(0, 3)]), 6, message.length);
    let joined: Buffer | undefined;
    for (let at = 3; at < message.length; at += size) {
      expect(joined).toBeUndefined();
      joined = held.join(message.subarray(at, at + size));
    }
    expect(joined?.equals(message)).toBe(true);
    expect(held.length).toBe(0);
  });

  it("gives on what came behind it, and takes the next one up", () => {
    const held = new HeldMessage();
    held.hold(Buffer.from("ab"), 0, 4);
    expect(held.join(Buffer.from("cdef"))?.toString()).toBe("abcdef");
    held.hold(Buffer.from("xyz"), 2, 3);
    expect(held.join(Buffer.from("1"))).toBeUndefined();
    expect(held.join(Buffer.from("2"))?.toString()).toBe("z12");
  });

  it("keeps nothing of what its parts came in", () => {
    const held = new HeldMessage();
    const part = Buffer.from("ab");
    held.hold(part, 0, 3);
    part.fill("x");
    expect(held.join(Buffer.from("c"))?.toString()).toBe("abc");
  });

  it("makes room for what has come, not for what is said to come", () => {
    const held = new HeldMessage();
    held.hold(Buffer.from("P"), 0, 1_000_000_000);
    expect(held.length).toBe(1);
    expect(held.join(Buffer.from("more"))).toBeUndefined();
  });
});
