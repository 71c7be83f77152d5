import { Socket } from "node:net";
import { Deadline, FakeClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import { ClientDealer } from "./client-dealer.js";

function rig(...workers: number[]) {
  const clock = new FakeClock();
  const dealer = new ClientDealer(clock);
  const given: number[] = [];
  const numbers: number[] = [];
  const attach = (worker: number): void =>
    dealer.attach(worker, ({ number }) => {
      given.push(worker);
      numbers.push(number);
    });
  for (const worker of workers) attach(worker);
  const deal = (count: number): void => {
    for (let i = 0; i < count; i++) dealer.deal(new Socket(), "transaction");
  };
  return { clock, dealer, given, numbers, attach, deal };
}

describe("ClientDealer", () => {
  it("deals to each in turn", () => {
    const { given, deal } = rig(0, 1, 2);
    deal(6);
    expect(given).toEqual([0, 1, 2, 0, 1, 2]);
  });

  it("gives a worker that does not take them no more, and the others all", () => {
    const { dealer, given, numbers, deal } = rig(0, 1);
    for (let i = 0; i < 20; i++) {
      deal(1);
      if (given.at(-1) === 1) dealer.taken(1, numbers.at(-1) ?? 0);
    }
    expect(given.filter((worker) => worker === 0).length).toBeLessThanOrEqual(4);
    expect(given).toHaveLength(20);
  });

  it("keeps clients while there is no worker, for the next one", () => {
    const { given, attach, deal } = rig();
    deal(3);
    attach(7);
    expect(given).toEqual([7, 7, 7]);
  });

  describe("closes its own end of a client", () => {
    function open(count: number) {
      const { clock, dealer, numbers, attach } = rig(0);
      const sockets = Array.from({ length: count }, () => new Socket());
      for (const socket of sockets) dealer.deal(socket, "session");
      const closed = (): boolean[] => sockets.map(({ destroyed }) => destroyed);
      return { clock, dealer, numbers, attach, closed };
    }

    it("when it is taken, and when its worker ends first", () => {
      const { dealer, numbers, closed } = open(3);
      dealer.taken(0, numbers[0] ?? 0);
      expect(closed()).toEqual([true, false, false]);
      dealer.detach(0);
      expect(closed()).toEqual([true, true, true]);
    });

    it("that was given before one that is taken: it has not arrived", () => {
      const { dealer, numbers, closed } = open(3);
      dealer.taken(0, numbers[1] ?? 0);
      expect(closed()).toEqual([true, true, false]);
      dealer.taken(0, numbers[2] ?? 0);
      expect(closed()).toEqual([true, true, true]);
    });

    it("that is not heard of for five seconds, and gives its worker others", () => {
      const { clock, dealer, numbers, closed } = open(6);
      expect(numbers).toHaveLength(4);
      clock.advance(3000);
      dealer.taken(0, numbers[0] ?? 0);
      expect(numbers).toHaveLength(5);
      clock.advance(1999);
      expect(closed()).toEqual([true, false, false, false, false, false]);
      clock.advance(1);
      expect(closed()).toEqual([true, true, true, true, false, false]);
      expect(numbers).toHaveLength(6);
      clock.advance(3000);
      expect(closed()).toEqual([true, true, true, true, true, false]);
      clock.advance(2000);
      expect(closed()).toEqual([true, true, true, true, true, true]);
      expect(clock.pendingTimers).toBe(0);
    });
  });

  it("is settled once each is taken, or its worker is gone", async () => {
    const { dealer, numbers, deal } = rig(0, 1);
    const deadline = Deadline.after(new FakeClock(0), 1000);
    await dealer.settled(deadline);
    deal(2);
    let settled = false;
    const waiting = dealer.settled(deadline).then(() => {
      settled = true;
    });
    dealer.taken(0, numbers[0] ?? 0);
    await Promise.resolve();
    expect(settled).toBe(false);
    dealer.detach(1);
    await waiting;
  });
});
