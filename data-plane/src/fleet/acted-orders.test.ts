import { FakeClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import { ActedOrders } from "./acted-orders.js";

describe("what became of orders", () => {
  it("is the sum over all workers, told once they have all answered", async () => {
    const acted = new ActedOrders(new FakeClock());
    acted.given(7, ["t"], [1, 2]);
    const taken = acted.take();
    acted.answered(1, 7, [{ tenant: "t", counts: { clients_terminated: 3 } }]);
    acted.answered(2, 7, [{ tenant: "t", counts: { clients_terminated: 4, servers_terminated: 1 } }]);
    expect(await taken).toEqual([{ tenant: "t", counts: { clients_terminated: 7, servers_terminated: 1 } }]);
    expect(await acted.take()).toEqual([]);
  });

  it("waits for no worker that has ended, and for a busy one for 2 s", async () => {
    const clock = new FakeClock();
    const acted = new ActedOrders(clock);
    acted.given(1, ["t"], [1, 2]);
    const first = acted.take();
    acted.answered(1, 1, [{ tenant: "t", counts: { clients_terminated: 1 } }]);
    acted.gone(2);
    expect(await first).toEqual([{ tenant: "t", counts: { clients_terminated: 1 } }]);
    acted.given(2, ["u"], [1]);
    const second = acted.take();
    clock.advance(2000);
    expect(await second).toEqual([{ tenant: "u", counts: {} }]);
  });

  it("waits for nobody when there are no orders, or no workers", async () => {
    const acted = new ActedOrders(new FakeClock());
    expect(await acted.take()).toEqual([]);
    acted.given(1, ["t"], []);
    expect(await acted.take()).toEqual([{ tenant: "t", counts: {} }]);
  });
});
