import { describe, expect, it } from "vitest";
import { type Queued, WaitQueue } from "./wait-queue.js";

class Named implements Queued<Named> {
  readonly name: string;
  ahead: Named | undefined;
  behind: Named | undefined;
  queued = false;

  constructor(name: string) {
    this.name = name;
  }
}

const names = (queue: WaitQueue<Named>): string[] => queue.all().map(({ name }) => name);

describe("WaitQueue", () => {
  const four = () => {
    const waiters = ["a", "b", "c", "d"].map((name) => new Named(name));
    const queue = new WaitQueue<Named>();
    for (const waiter of waiters) queue.join(waiter);
    return { queue, waiters };
  };

  it("serves in order of arrival, without those who left", () => {
    const { queue, waiters } = four();
    const b = waiters[1] as Named;
    expect(queue.leave(b)).toBe(true);
    expect(queue.leave(b)).toBe(false);
    expect(queue.length).toBe(3);
    expect([queue.next(), queue.next(), queue.next(), queue.next()].map((next) => next?.name)).toEqual([
      "a",
      "c",
      "d",
      undefined,
    ]);
    expect(queue.length).toBe(0);
  });

  it.each([0, 1, 2, 3])("is whole when number %i leaves and joins again", (which) => {
    const { queue, waiters } = four();
    const one = waiters[which] as Named;
    queue.leave(one);
    queue.join(one);
    expect(names(queue)).toEqual([...waiters.filter((waiter) => waiter !== one), one].map((w) => w.name));
    expect(queue.first?.name).toBe(which === 0 ? "b" : "a");
    expect(queue.last).toBe(one);
  });

  it("is whole when all have left, and joined again", () => {
    const { queue, waiters } = four();
    for (const waiter of waiters.toReversed()) queue.leave(waiter);
    expect([queue.first, queue.last, queue.length, queue.next()]).toEqual([
      undefined,
      undefined,
      0,
      undefined,
    ]);
    queue.join(waiters[2] as Named);
    expect(names(queue)).toEqual(["c"]);
  });

  it("knows who is among the first", () => {
    const { queue, waiters } = four();
    expect(waiters.map((waiter) => queue.isAmongFirst(2, waiter))).toEqual([true, true, false, false]);
    expect(queue.isAmongFirst(0, waiters[0] as Named)).toBe(false);
    expect(queue.isAmongFirst(9, new Named("e"))).toBe(false);
  });
});
