import { describe, expect, it } from "vitest";
import { FleetFigures, OTHERS } from "./fleet-figures.js";
import { type PoolLabels, PoolMeter } from "./pool-meter.js";
import { labelsOf, PoolMeters, poolName } from "./pool-meters.js";
import { counterOf, gaugeOf, histogramOf, type PoolRow } from "./pool-row.js";
import type { WorkerFigures } from "./worker-figures.js";

const pool = (tenant: string): PoolLabels => ({ tenant, database: "d", user: "u", mode: "transaction" });

function report(rows: readonly PoolMeter[], more: Partial<WorkerFigures> = {}): WorkerFigures {
  return {
    tenants: 3,
    clients: 2,
    pools: new Map(rows.map((meter) => [poolName(meter.labels), meter.row.slice()])),
    forgottenPools: [],
    logins: new Map(),
    process: {
      pid: 1,
      cpuS: 1,
      residentBytes: 1,
      heapBytes: 1,
      lagMedianMs: 0,
      lagP99Ms: 0,
      lagLongestMs: 0,
      openFiles: 7,
    },
    ...more,
  };
}

function meterOf(tenant: string, change: (meter: PoolMeter) => void): PoolMeter {
  const meter = new PoolMeter(pool(tenant));
  change(meter);
  return meter;
}

function only(figures: FleetFigures): PoolRow {
  const [first] = figures.pools();
  if (first === undefined) throw new Error("no pool");
  return first.row;
}

describe("the figures of a fleet of workers", () => {
  it("add up what workers count and have, and take the greatest of waits and limits", () => {
    const figures = new FleetFigures(10);
    figures.received(
      1,
      report([
        meterOf("a", (meter) => {
          meter.queryDone(3);
          meter.set("clients", 2);
          meter.set("limit", 20);
          meter.set("longestWaitMs", 5);
        }),
      ]),
    );
    figures.received(
      2,
      report([
        meterOf("a", (meter) => {
          meter.queryDone(0.2);
          meter.queryDone(70_000);
          meter.set("clients", 5);
          meter.set("limit", 20);
          meter.set("longestWaitMs", 40);
        }),
      ]),
    );
    const row = only(figures);
    expect(gaugeOf(row, "clients")).toBe(7);
    expect(gaugeOf(row, "limit")).toBe(20);
    expect(gaugeOf(row, "longestWaitMs")).toBe(40);
    expect(counterOf(row, "queries")).toBe(3);
    const { counts, count, sumMs } = histogramOf(row, "query");
    expect(count).toBe(3);
    expect(sumMs).toBeCloseTo(70_003.2);
    expect(counts[0]).toBe(1);
    expect(counts[3]).toBe(1);
    expect(counts.at(-1)).toBe(1);
    expect(figures.clients).toBe(4);
    expect(figures.tenants).toBe(3);
  });

  it("never go back when a worker ends, and forget what it had", () => {
    const figures = new FleetFigures(10);
    const meter = meterOf("a", (of) => {
      of.queryDone(1);
      of.set("clients", 2);
    });
    figures.received(1, report([meter], { logins: new Map([['["a","ok"]', 4]]) }));
    figures.ended(1);
    figures.received(
      2,
      report([meterOf("a", (of) => of.queryDone(1))], { logins: new Map([['["a","ok"]', 1]]) }),
    );
    expect(counterOf(only(figures), "queries")).toBe(2);
    expect(gaugeOf(only(figures), "clients")).toBe(0);
    expect(figures.logins()).toEqual([{ outcome: ["a", "ok"], count: 5 }]);
    expect([...figures.workers.keys()]).toEqual([2]);
  });

  it("name no more pools than they may; the sum of the others never goes back", () => {
    const figures = new FleetFigures(1);
    const meters = ["a", "b", "c"].map((tenant) => meterOf(tenant, (of) => of.queryDone(1)));
    figures.received(1, report(meters));
    const shown = figures.shownPools();
    expect(shown.named.map(({ pool: { tenant } }) => tenant)).toEqual(["a"]);
    expect(shown.others && counterOf(shown.others, "queries")).toBe(2);
    figures.received(1, report([], { forgottenPools: [poolName(pool("b"))] }));
    const { others } = figures.shownPools();
    expect(others && counterOf(others, "queries")).toBe(2);
    expect(figures.pools()).toHaveLength(2);
  });

  it("name a pool that has its first server when there is no place for others; no sum goes back", () => {
    const figures = new FleetFigures(1000);
    const made = Array.from({ length: 12 }, (_, i) => {
      const meter = new PoolMeter({ ...pool("a"), database: `made_up_${i}` });
      meter.connectBegun();
      return meter;
    });
    figures.received(1, report(made));
    const connects = ({ others, named } = figures.shownPools()) => ({
      named: named.length,
      others: others === undefined ? 0 : counterOf(others, "connects"),
    });
    expect(connects()).toEqual({ named: 10, others: 2 });
    made[11]?.connected(1);
    made[11]?.connectBegun();
    figures.received(1, report(made.slice(11)));
    expect(connects()).toEqual({ named: 11, others: 2 });
    const real = figures.shownPools().named.find(({ pool: { database } }) => database === "made_up_11");
    expect(real && counterOf(real.row, "connects")).toBe(1);
    expect(figures.pools().map(({ row }) => counterOf(row, "connects"))).toEqual([...Array(11).fill(1), 2]);
    figures.received(1, report([], { forgottenPools: made.map(({ labels }) => poolName(labels)) }));
    expect(connects()).toEqual({ named: 0, others: 2 });
  });

  it("tell no more logins apart than they may", () => {
    const figures = new FleetFigures(1);
    const logins = new Map([
      ['["a","ok"]', 1],
      ['["b","ok"]', 2],
      ['["c","ok"]', 3],
    ]);
    figures.received(1, report([], { logins }));
    expect(figures.logins()).toEqual([
      { outcome: ["a", "ok"], count: 1 },
      { outcome: [OTHERS, "ok"], count: 5 },
    ]);
  });
});

describe("the meters of a worker", () => {
  it("report a pool when something has changed, and forget it half an hour after it went", () => {
    const meters = new PoolMeters();
    const meter = meters.of(pool("a"));
    meter.fromClient(10);
    expect([...meters.takeChanges(0, () => true).changed.keys()]).toEqual([poolName(pool("a"))]);
    expect(meters.takeChanges(1, () => true).changed.size).toBe(0);
    expect(meters.takeChanges(10_000_000, () => true).forgotten).toEqual([]);
    expect(meters.takeChanges(11_000_000, () => false).forgotten).toEqual([]);
    expect(meters.takeChanges(12_000_000, () => false).forgotten).toEqual([poolName(pool("a"))]);
    expect(meters.of(pool("a"))).not.toBe(meter);
  });

  it("keep few of a tenant's pools that are gone, and next to none that never had a server", () => {
    const meters = new PoolMeters();
    const make = (tenant: string, count: number, reached: boolean): void => {
      for (let i = 0; i < count; i++) {
        const meter = meters.of({ ...pool(tenant), database: `${reached ? "real" : "made_up"}_${i}` });
        meter.connectBegun();
        if (reached) meter.connected(1);
      }
    };
    make("a", 1000, false);
    make("b", 150, true);
    make("c", 5, false);
    expect(meters.takeChanges(0, () => true).changed.size).toBe(1155);
    expect(meters.takeChanges(1, () => true).forgotten).toEqual([]);
    const { forgotten } = meters.takeChanges(2, () => false);
    expect(forgotten.filter((name) => labelsOf(name).tenant === "a")).toHaveLength(990);
    expect(forgotten.filter((name) => labelsOf(name).tenant === "b")).toHaveLength(50);
    expect(forgotten.filter((name) => labelsOf(name).tenant === "c")).toHaveLength(0);
    // A client that tries the same wrong name for long is seen to do so.
    expect(meters.takeChanges(3, () => false).forgotten).toEqual([]);
  });

  it("go on counting where a pool is made anew", () => {
    const meters = new PoolMeters();
    expect(meters.of(pool("a"))).toBe(meters.of(pool("a")));
  });
});
