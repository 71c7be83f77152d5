import { describe, expect, it } from "vitest";
import { CancelKeys } from "./cancel-keys.js";

describe("CancelKeys", () => {
  it("have a pid that is positive as a signed number, even for the highest node and worker", () => {
    const { pid } = new CancelKeys<string>(0x3ff, 0x3f).issue("a");
    expect(pid).toBeGreaterThan(0);
    expect(pid).toBeLessThan(2 ** 31);
    expect(new CancelKeys<string>(0, 0).issue("a").pid).toBeGreaterThan(0);
  });

  it("are distinct and lead each to its own session", () => {
    const keys = new CancelKeys<number>(3, 1);
    const issued = Array.from({ length: 1000 }, (_, target) => keys.issue(target));
    expect(new Set(issued.map((key) => `${key.pid}:${key.secret.toString("hex")}`)).size).toBe(1000);
    issued.forEach((key, target) => {
      expect(keys.find(key)).toBe(target);
    });
  });

  it("find nothing for a wrong secret, a secret of another length, or another worker's pid", () => {
    const keys = new CancelKeys<string>(3, 1);
    const key = keys.issue("a");
    const wrong = Buffer.from(key.secret);
    wrong.writeUInt8(wrong.readUInt8(3) ^ 1, 3);
    expect(keys.find({ pid: key.pid, secret: wrong })).toBeUndefined();
    expect(keys.find({ pid: key.pid, secret: Buffer.alloc(32) })).toBeUndefined();
    expect(new CancelKeys<string>(3, 2).find(key)).toBeUndefined();
  });

  it("are longer for protocol 3.2, and only found whole", () => {
    const keys = new CancelKeys<string>(3, 1);
    const key = keys.issue("a", 32);
    expect(key.secret.length).toBe(32);
    expect(keys.find({ pid: key.pid, secret: Buffer.from(key.secret) })).toBe("a");
    for (const bytes of [4, 31])
      expect(keys.find({ pid: key.pid, secret: key.secret.subarray(0, bytes) })).toBeUndefined();
    expect(keys.find({ pid: key.pid, secret: Buffer.concat([key.secret, Buffer.of(0)]) })).toBeUndefined();
  });

  it("find nothing once revoked", () => {
    const keys = new CancelKeys<string>(3, 1);
    const key = keys.issue("a");
    keys.revoke(key.number);
    expect(keys.find(key)).toBeUndefined();
  });
});
