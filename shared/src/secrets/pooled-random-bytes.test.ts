import { describe, expect, it } from "vitest";
import { pooledRandomBytes } from "./pooled-random-bytes.js";

describe("random bytes out of a pool", () => {
  it("are never given out twice, over many fillings", () => {
    const given = Array.from({ length: 5000 }, () => pooledRandomBytes(18).toString("hex"));
    expect(new Set(given).size).toBe(5000);
  });

  it("are as many as asked for, and use every value about as often as any other", () => {
    const counts = new Array<number>(256).fill(0);
    for (let i = 0; i < 4000; i++) {
      const bytes = pooledRandomBytes(33);
      expect(bytes).toHaveLength(33);
      for (const byte of bytes) counts[byte] = (counts[byte] ?? 0) + 1;
    }
    // 516 of each are expected; eight standard deviations.
    for (const count of counts) expect(Math.abs(count - (4000 * 33) / 256)).toBeLessThan(182);
  });

  it("are no others for keeping them: what was given out does not change", () => {
    const kept = pooledRandomBytes(32);
    const before = kept.toString("hex");
    for (let i = 0; i < 1000; i++) pooledRandomBytes(32);
    expect(kept.toString("hex")).toBe(before);
  });

  it("cannot be more than the pool holds", () => {
    expect(pooledRandomBytes(4096)).toHaveLength(4096);
    expect(() => pooledRandomBytes(4097)).toThrow(RangeError);
  });
});
