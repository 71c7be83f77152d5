import { Socket } from "node:net";
import { Deadline, FakeClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import { ClientDealer } from "./client-dealer.js";

function rig(...workers: number[]) {
  const dealer = new ClientDealer();
  const given: number[] = [];
  for (const worker of workers) dealer.attach(worker, () => given.push(worker));
  const deal = (count: number): void => {
    for (let i = 0; i < count; i++) dealer.deal(new Socket(), "transaction");
  };
  return { dealer, given, deal };
}

describe("ClientDealer", () => {
  it("deals to each in turn", () => {
    const { given, deal } = rig(0, 1, 2);
    deal(6);
    expect(given).toEqual([0, 1, 2, 0, 1, 2]);
  });

  it("gives a worker that does not take them no more, and the others all", () => {
    const { dealer, given, deal } = rig(0, 1);
    for (let i = 0; i < 20; i++) {
      deal(1);
      if (given.at(-1) === 1) dealer.taken(1);
    }
    expect(given.filter((worker) => worker === 0).length).toBeLessThanOrEqual(4);
    expect(given).toHaveLength(20);
  });

  it("keeps clients while there is no worker, for the next one", () => {
    const { dealer, given, deal } = rig();
    deal(3);
    dealer.attach(7, () => given.push(7));
    expect(given).toEqual([7, 7, 7]);
  });

  it("closes its own end of a client when it is taken, and when its worker ends first", () => {
    const dealer = new ClientDealer();
    const sockets = [new Socket(), new Socket(), new Socket()];
    dealer.attach(0, () => undefined);
    for (const socket of sockets) dealer.deal(socket, "session");
    dealer.taken(0);
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, false, false]);
    dealer.detach(0);
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, true, true]);
  });

  it("is settled once each is taken, or its worker is gone", async () => {
    const { dealer, deal } = rig(0, 1);
    const deadline = Deadline.after(new FakeClock(0), 1000);
    await dealer.settled(deadline);
    deal(2);
    let settled = false;
    const waiting = dealer.settled(deadline).then(() => {
      settled = true;
    });
    dealer.taken(0);
    await Promise.resolve();
    expect(settled).toBe(false);
    dealer.detach(1);
    await waiting;
  });
});
