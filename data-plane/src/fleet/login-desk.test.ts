import { FakeClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import { type AddressBan, SampleDirectory, sampleTenant, type Tenant } from "../tenants/index.js";
import { LoginDesk, type Suspect } from "./login-desk.js";

class Rig {
  readonly clock = new FakeClock();
  readonly directory = new SampleDirectory({ tellsOfAll: true });
  readonly braked: AddressBan[] = [];
  readonly full: [string, number | undefined][] = [];
  readonly tight: [string, string | undefined][] = [];
  readonly suspected: [Suspect, number][] = [];
  readonly desk = new LoginDesk({
    directory: this.directory,
    clock: this.clock,
    braked: (ban) => this.braked.push(ban),
    full: (tenant, limit) => this.full.push([tenant, limit]),
    tight: (tenant, countedAs) => this.tight.push([tenant, countedAs]),
    suspected: (suspect, worker) => this.suspected.push([suspect, worker]),
  });

  constructor(change: Partial<Tenant> = {}) {
    this.directory.listen({
      tenantChanged: (tenant, before) => this.desk.tenantChanged(tenant, before),
      tenantRemoved: (tenant) => this.desk.tenantRemoved(tenant.id),
    });
    this.put(change);
  }

  put(change: Partial<Tenant>): void {
    this.directory.give([sampleTenant({ defaultMaxClients: 100, ...change })]);
  }

  settle(worker: number, accepted = true, group = "192.0.2.1") {
    return this.desk.settle(worker, { tenant: "t", user: "u", group, accepted });
  }

  logIn(worker: number, accepted = true, group = "192.0.2.1") {
    return this.settle(worker, accepted, group).verdict;
  }
}

describe("the desk for logins", () => {
  it("gives a tenant's places to clients of all workers, and those of a dead worker again", () => {
    const rig = new Rig({ defaultMaxClients: 3 });
    expect([0, 1, 0].map((worker) => rig.logIn(worker).kind)).toEqual(["welcome", "welcome", "welcome"]);
    expect(rig.logIn(1)).toEqual({ kind: "full", limit: 3 });
    expect(rig.full).toEqual([["t", 3]]);
    rig.desk.workerGone(0);
    expect(rig.full.at(-1)).toEqual(["t", undefined]);
    expect([1, 1, 1].map((worker) => rig.logIn(worker).kind)).toEqual(["welcome", "welcome", "full"]);
    rig.desk.left(1, "t", undefined, 1);
    rig.desk.left(0, "t", undefined, 1);
    expect([1, 1].map((worker) => rig.logIn(worker).kind)).toEqual(["welcome", "full"]);
  });

  it("knows at once that a limit was raised", () => {
    const rig = new Rig({ defaultMaxClients: 1 });
    rig.logIn(0);
    rig.put({ defaultMaxClients: 2 });
    expect(rig.full).toEqual([
      ["t", 1],
      ["t", undefined],
    ]);
    expect(rig.logIn(1).kind).toBe("welcome");
  });

  it("brakes an address over all workers, and then tells nobody whether a password was right", () => {
    const rig = new Rig();
    for (let i = 0; i < 10; i++) expect(rig.logIn(i % 3, false).kind).toBe("wrong");
    expect(rig.braked).toEqual([{ thing: "t", address: "192.0.2.1", remainingMs: 120_000 }]);
    expect([rig.logIn(0, true).kind, rig.logIn(1, false).kind]).toEqual(["braked", "braked"]);
    expect(rig.logIn(0, true, "192.0.2.2").kind).toBe("welcome");
    rig.clock.advance(120_000);
    expect(rig.logIn(0).kind).toBe("welcome");
  });

  it("lifts bans on an operator's order, and tells the workers", () => {
    const rig = new Rig();
    for (let i = 0; i < 10; i++) rig.logIn(0, false);
    rig.put({ orders: { ...sampleTenant().orders, bansClearedAtMs: rig.clock.now() + 1 } });
    expect(rig.braked.at(-1)).toMatchObject({ address: "192.0.2.1", remainingMs: 0 });
    expect([rig.desk.bans, rig.logIn(0).kind]).toEqual([[], "welcome"]);
  });

  describe("keeps messages away", () => {
    it("by places given ahead while the limit is far away, and takes them back when it comes near", () => {
      const rig = new Rig({ defaultMaxClients: 100 });
      expect(rig.settle(0).room).toEqual({ ahead: 6 });
      // What a worker was given counts, whether somebody sits there or not.
      for (let i = 0; i < 40; i++) rig.settle(1);
      expect(rig.tight).toEqual([["t", undefined]]);
      const last = rig.settle(1);
      expect([last.verdict.kind, last.room]).toEqual(["welcome", undefined]);
      rig.desk.left(0, "t", undefined, 7);
      let welcome = 0;
      while (rig.settle(1).verdict.kind === "welcome") welcome += 1;
      rig.desk.workerGone(1);
      expect(rig.settle(0).room).toBeDefined();
      expect(rig.full.at(-1)).toEqual(["t", undefined]);
      expect(welcome).toBeGreaterThan(10);
    });

    it("never gives more places than there are, however they come and go", () => {
      const rig = new Rig({ defaultMaxClients: 100 });
      let held = 0;
      for (let i = 0; i < 1000; i++) {
        const { verdict, room } = rig.settle(i % 3);
        if (verdict.kind === "welcome") held += 1 + (room?.ahead ?? 0);
        expect(held).toBeLessThanOrEqual(100);
        if (i % 7 === 0 && held > 0) {
          rig.desk.left(i % 3, "t", undefined, 1);
          held -= 1;
        }
      }
    });

    it("not for a small limit, nor under one that was lowered", () => {
      expect(new Rig({ defaultMaxClients: 16 }).settle(0).room).toBeUndefined();
      const rig = new Rig({ defaultMaxClients: 1000 });
      expect(rig.settle(0).room).toEqual({ ahead: 32 });
      rig.put({ defaultMaxClients: 40 });
      expect(rig.tight).toEqual([["t", undefined]]);
    });

    it("and tells the other workers of an address that has failed, those that begin later too", () => {
      const rig = new Rig();
      rig.logIn(1, false);
      const suspect = { tenant: "t", group: "192.0.2.1", remainingMs: 150_000 };
      expect(rig.suspected).toEqual([[suspect, 1]]);
      rig.clock.advance(50_000);
      expect(rig.desk.suspects).toEqual([{ ...suspect, remainingMs: 100_000 }]);
      rig.clock.advance(100_000);
      expect(rig.desk.suspects).toEqual([]);
    });
  });
});
