import { describe, expect, it } from "vitest";
import { WaitQueue } from "./wait-queue.js";

describe("WaitQueue", () => {
  it("serves in order of arrival, without those who left", () => {
    const queue = new WaitQueue<string>();
    for (const name of ["a", "b", "c"]) queue.join(name);
    expect(queue.leave("b")).toBe(true);
    expect(queue.leave("b")).toBe(false);
    expect(queue.length).toBe(2);
    expect([queue.next(), queue.next(), queue.next()]).toEqual(["a", "c", undefined]);
  });
});
