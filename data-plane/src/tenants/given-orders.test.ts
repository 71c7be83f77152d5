import { describe, expect, it } from "vitest";
import { anyOrder, givenOrders } from "./given-orders.js";
import type { Ban, Orders } from "./tenant.js";

const NONE: Orders = {
  terminateSeq: 0,
  pausedUntilMs: 0,
  bansClearedAtMs: 0,
  clearedBans: new Map(),
  credentialsSeq: 0,
};
const BAN: Ban = { reason: "unpaid", atMs: 7, untilMs: undefined };
const given = (after: Partial<Orders>, before: Partial<Orders> | undefined) =>
  givenOrders(
    { orders: { ...NONE, ...after }, ban: undefined },
    before === undefined ? undefined : { orders: { ...NONE, ...before }, ban: undefined },
  );

describe("orders in a change of a tenant", () => {
  it("are given by a value that rises, and not again by the same one", () => {
    expect(given({ terminateSeq: 2 }, { terminateSeq: 1 }).terminate).toBe(true);
    expect(given({ terminateSeq: 2 }, { terminateSeq: 2 }).terminate).toBe(false);
    expect(given({ bansClearedAtMs: 5 }, { bansClearedAtMs: 4 }).clearBans).toBe(true);
    expect(given({ credentialsSeq: 1 }, {}).credentials).toBe(true);
    expect(given({ clearedBans: new Map([["192.0.2.1", 7]]) }, {}).clearBans).toBe(true);
    expect(
      anyOrder(given({ terminateSeq: 3, bansClearedAtMs: 9 }, { terminateSeq: 3, bansClearedAtMs: 9 })),
    ).toBe(false);
  });

  it("several that were missed are one", () => {
    expect(given({ terminateSeq: 9 }, { terminateSeq: 1 }).terminate).toBe(true);
  });

  it("are none for who held nothing of the tenant: it starts at the record's values", () => {
    expect(
      anyOrder(
        given({ terminateSeq: 9, bansClearedAtMs: 9, credentialsSeq: 9, pausedUntilMs: 9 }, undefined),
      ),
    ).toBe(false);
  });

  it("a value that went back, as after a restored database, orders nothing, and rises again from there", () => {
    expect(given({ terminateSeq: 3 }, { terminateSeq: 8 }).terminate).toBe(false);
    expect(given({ terminateSeq: 4 }, { terminateSeq: 3 }).terminate).toBe(true);
  });

  it("a ban ends sessions when it begins, and another one again; lifting it orders nothing", () => {
    const of = (ban: Ban | undefined) => ({ orders: NONE, ban });
    expect(givenOrders(of(BAN), of(undefined)).ban).toBe(true);
    expect(givenOrders(of(BAN), of(BAN)).ban).toBe(false);
    expect(givenOrders(of({ ...BAN, atMs: 8 }), of(BAN)).ban).toBe(true);
    expect(anyOrder(givenOrders(of(undefined), of(BAN)))).toBe(false);
  });

  it("pause and resume are told apart; another end of a pause is a pause", () => {
    expect(given({ pausedUntilMs: 10 }, {}).pause).toBe("paused");
    expect(given({ pausedUntilMs: 20 }, { pausedUntilMs: 10 }).pause).toBe("paused");
    expect(given({}, { pausedUntilMs: 10 }).pause).toBe("resumed");
    expect(given({ pausedUntilMs: 10 }, { pausedUntilMs: 10 }).pause).toBeUndefined();
  });
});
