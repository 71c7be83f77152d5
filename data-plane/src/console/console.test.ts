import { silentLogger } from "@sluice/shared/observability";
import { FakeClock } from "@sluice/shared/time";
import { beforeEach, describe, expect, it } from "vitest";
import { FleetFigures, PoolMeter, poolName, type WorkerFigures } from "../metrics/index.js";
import { Directory, type Tenant } from "../tenants/index.js";
import { Console, type ConsoleOptions } from "./console.js";
import type { ConsoleUser } from "./console-users.js";

const POOL = { tenant: "a", database: "d", user: "u", mode: "transaction" } as const;
const NAME = poolName(POOL);

function consoleWith(options: Partial<ConsoleOptions>): Console {
  return new Console({
    fleet: { ask: () => Promise.resolve([]), paused: () => false },
    figures: new FleetFigures(10),
    directory: new Directory(),
    settings: () => [],
    bundle: () => ({}),
    version: "1",
    clock: new FakeClock(),
    logger: silentLogger,
    ...options,
  });
}

function figuresOf(meter: PoolMeter | undefined, forgottenPools: readonly string[] = []): WorkerFigures {
  return {
    tenants: 1,
    clients: 0,
    pools: new Map(meter === undefined ? [] : [[NAME, meter.row.slice()]]),
    forgottenPools,
    logins: new Map(),
    process: {
      pid: 1,
      cpuS: 1,
      residentBytes: 1,
      heapBytes: 1,
      lagMedianMs: 0,
      lagP99Ms: 0,
      lagLongestMs: 0,
      openFiles: 1,
    },
  };
}

function meterWith(queries: number): PoolMeter {
  const meter = new PoolMeter(POOL);
  meter.checkedOut(0);
  for (let i = 0; i < queries; i++) meter.queryDone(1);
  return meter;
}

describe("RESUME", () => {
  const user: ConsoleUser = {
    name: "ann",
    right: "write",
    verifier: () => Promise.reject(new Error("unused")),
  };

  it("of one tenant is refused while all are paused, and says what to do", async () => {
    const asked: string[] = [];
    const directory = new Directory();
    directory.find = () => ({}) as Tenant;
    const console = consoleWith({
      directory,
      fleet: {
        ask: ({ what }) => {
          asked.push(what);
          return Promise.resolve([]);
        },
        paused: (tenant) => tenant === undefined,
      },
    });
    await expect(console.run("RESUME a", user, "127.0.0.1")).rejects.toThrow(
      'all tenants are paused, "a" with them: RESUME without a name ends that',
    );
    expect(asked).toEqual([]);
    expect(await console.run("RESUME", user, "127.0.0.1")).toEqual({ tag: "RESUME" });
    expect(asked).toEqual(["resume"]);
  });
});

describe("SHOW STATS", () => {
  const user: ConsoleUser = {
    name: "bob",
    right: "read",
    verifier: () => Promise.reject(new Error("unused")),
  };
  let figures: FleetFigures;
  let clock: FakeClock;
  let console: Console;
  beforeEach(() => {
    figures = new FleetFigures(10);
    clock = new FakeClock();
    console = consoleWith({ figures, clock });
  });

  async function stats(): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const outcome = await console.run("SHOW STATS", user, "127.0.0.1");
    if (!("table" in outcome)) throw new Error("no table");
    const { columns, rows } = outcome.table;
    return rows.map((row) => Object.fromEntries(row.map((cell, i) => [columns[i], cell])));
  }
  const minutePasses = (): void => clock.advance(60_000);

  it("has totals since the start, also of pools that were forgotten", async () => {
    figures.received(1, figuresOf(meterWith(600)));
    minutePasses();
    expect(await stats()).toMatchObject([
      { tenant: "a", database: "d", total_query_count: 600, avg_query_count: 10 },
    ]);
    figures.received(1, figuresOf(undefined, [NAME]));
    expect(await stats()).toMatchObject([{ total_query_count: 600 }]);
    minutePasses();
    expect(await stats()).toMatchObject([{ total_query_count: 600, avg_query_count: 0 }]);
    figures.received(1, figuresOf(meterWith(60)));
    minutePasses();
    expect(await stats()).toMatchObject([
      { total_query_count: 660, avg_query_count: 1, total_server_assignment_count: 2 },
    ]);
  });

  it("counts a pool that was forgotten and made anew within a minute", async () => {
    figures.received(1, figuresOf(meterWith(600)));
    minutePasses();
    figures.received(1, figuresOf(undefined, [NAME]));
    figures.received(1, figuresOf(meterWith(60)));
    minutePasses();
    expect(await stats()).toMatchObject([{ total_query_count: 660, avg_query_count: 1 }]);
  });

  it("counts nothing twice when a worker ends", async () => {
    for (const worker of [1, 2, 3]) figures.received(worker, figuresOf(meterWith(7)));
    await stats();
    figures.ended(2);
    expect(await stats()).toMatchObject([{ total_query_count: 21 }]);
  });

  it("does not keep databases that served nobody", async () => {
    const meter = new PoolMeter(POOL);
    meter.connectFailed(1, new Error("there is none"), "refused");
    figures.received(1, figuresOf(meter));
    await stats();
    figures.received(1, figuresOf(undefined, [NAME]));
    expect(await stats()).toEqual([]);
  });
});
