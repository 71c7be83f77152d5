import { describe, expect, it } from "vitest";
import { LocalPermits } from "./permits.js";

describe("LocalPermits", () => {
  it("give no more than the limit, and again what was given back", () => {
    const permits = new LocalPermits(2);
    expect([permits.tryTake(), permits.tryTake(), permits.tryTake()]).toEqual([true, true, false]);
    permits.giveBack();
    expect(permits.tryTake()).toBe(true);
  });

  it("want servers closed when the limit falls below what is taken", () => {
    const permits = new LocalPermits(2);
    permits.tryTake();
    permits.tryTake();
    expect(permits.yields()).toBe(false);
    permits.limit = 1;
    expect(permits.yields()).toBe(true);
    permits.giveBack();
    expect([permits.yields(), permits.tryTake()]).toEqual([false, false]);
  });
});
