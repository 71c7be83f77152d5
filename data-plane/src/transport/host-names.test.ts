import type { LookupAddress } from "node:dns";
import { FakeClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import { HostNames, lookupsAtOnce } from "./host-names.js";

const HOUR_MS = 3_600_000;

/** Lookups that are answered when the test says so. */
function rig(atOnce = 8) {
  const clock = new FakeClock();
  const underWay = new Map<string, (error: Error | null, addresses: LookupAddress[]) => void>();
  const begun: string[] = [];
  const names = new HostNames({
    clock,
    atOnce,
    getaddrinfo: (host, _options, done) => {
      begun.push(host);
      underWay.set(host, done);
    },
  });
  const end = (host: string, error: string | undefined, addresses: readonly string[]): void => {
    const done = underWay.get(host);
    underWay.delete(host);
    done?.(
      error === undefined ? null : Object.assign(new Error(error), { code: error }),
      addresses.map((address) => ({ address, family: 4 })),
    );
  };
  return {
    clock,
    names,
    begun,
    underWay: () => [...underWay.keys()],
    answer: (host: string, ...addresses: readonly string[]) => end(host, undefined, addresses),
    fail: (host: string, code: string) => end(host, code, []),
    /** What an asker is told, as it is told it. */
    ask: (host: string, how: "lookup" | "lookupNow" = "lookup"): string[] => {
      const told: string[] = [];
      names[how](host, { all: true }, (error, addresses) => {
        if (error !== null) told.push(error.code ?? error.message);
        else for (const { address } of addresses as LookupAddress[]) told.push(address);
      });
      return told;
    },
  };
}

const many = (count: number, name: string): string[] =>
  Array.from({ length: count }, (_, i) => `${name}${i}`);

describe("the names of hosts", () => {
  it("have one lookup at a time, for all who ask, and another one for who asks later", () => {
    const { ask, answer, begun } = rig();
    const told = [ask("db"), ask("db"), ask("db", "lookupNow")];
    expect(begun).toEqual(["db"]);
    answer("db", "10.0.0.1", "10.0.0.2");
    expect(told).toEqual(Array(3).fill(["10.0.0.1", "10.0.0.2"]));
    const later = ask("db");
    answer("db", "10.0.0.3");
    expect(later).toEqual(["10.0.0.3"]);
  });

  it("are told with one address where one is asked for", () => {
    const { names, answer } = rig();
    const told: unknown[] = [];
    names.lookup("db", { family: 4 }, (...answered) => told.push(answered));
    answer("db", "10.0.0.1", "10.0.0.2");
    expect(told).toEqual([[null, "10.0.0.1", 4]]);
  });

  it("that nobody answers for never take the threads of one that is answered at once", () => {
    const { clock, ask, answer, underWay } = rig();
    ask("good");
    answer("good", "10.0.0.1");
    for (const silent of many(100, "silent")) ask(silent);
    expect(underWay()).toEqual(many(6, "silent"));
    clock.advance(60_000);
    const told = ask("good");
    answer("good", "10.0.0.1");
    expect(told).toEqual(["10.0.0.1"]);
  });

  it("that were answered late share two threads of eight, and wait for each other", () => {
    const { clock, ask, fail, answer, underWay } = rig();
    const silent = many(6, "silent");
    for (const name of silent) ask(name);
    clock.advance(30_000);
    for (const name of silent) fail(name, "EAI_AGAIN");
    const told = silent.map((name) => ask(name));
    expect(underWay()).toEqual(["silent0", "silent1"]);
    // Names that nobody knows yet are not behind them.
    const fresh = ask("fresh");
    answer("fresh", "10.0.0.1");
    expect(fresh).toEqual(["10.0.0.1"]);
    fail("silent0", "EAI_AGAIN");
    expect(underWay()).toEqual(["silent1", "silent2"]);
    expect(told.map((each) => each.length)).toEqual([1, 0, 0, 0, 0, 0]);
  });

  it("that are answered at once again are like any other", () => {
    const { clock, ask, answer, underWay } = rig();
    for (const name of many(3, "db")) {
      ask(name);
      clock.advance(5000);
      answer(name, "10.0.0.1");
    }
    for (const name of many(3, "db")) ask(name);
    for (const name of many(3, "db")) answer(name, "10.0.0.1");
    for (const name of many(3, "db")) ask(name);
    expect(underWay()).toEqual(many(3, "db"));
  });

  it("wait for their turn where there is one thread", () => {
    const { ask, fail, answer, begun } = rig(1);
    const told = [ask("silent"), ask("good")];
    expect(begun).toEqual(["silent"]);
    fail("silent", "EAI_AGAIN");
    answer("good", "10.0.0.1");
    expect(told).toEqual([["EAI_AGAIN"], ["10.0.0.1"]]);
  });
});

describe("addresses that are known", () => {
  function known() {
    const of = rig();
    of.ask("db");
    of.answer("db", "10.0.0.1");
    return of;
  }

  it("are used a second after nobody has answered, and at once by who comes later", () => {
    const { clock, ask, begun } = known();
    const first = ask("db");
    clock.advance(999);
    expect(first).toEqual([]);
    clock.advance(1);
    expect(first).toEqual(["10.0.0.1"]);
    const second = ask("db");
    clock.advance(0);
    expect(second).toEqual(["10.0.0.1"]);
    expect(begun).toHaveLength(2);
  });

  it("are used when the name server has failed, and not when it says that there is no such name", () => {
    const { ask, fail } = known();
    const failed = ask("db");
    fail("db", "EAI_AGAIN");
    expect(failed).toEqual(["10.0.0.1"]);
    const gone = ask("db");
    fail("db", "ENOTFOUND");
    const later = ask("db");
    fail("db", "EAI_AGAIN");
    expect([gone, later]).toEqual([["ENOTFOUND"], ["EAI_AGAIN"]]);
  });

  it("are used for an hour", () => {
    const { clock, ask, fail } = known();
    clock.advance(HOUR_MS + 1);
    const told = ask("db");
    clock.advance(30_000);
    expect(told).toEqual([]);
    fail("db", "EAI_AGAIN");
    expect(told).toEqual(["EAI_AGAIN"]);
  });

  it("are nothing for who asks how it is now", () => {
    const { clock, ask, fail } = known();
    const told = ask("db", "lookupNow");
    clock.advance(5000);
    expect(told).toEqual([]);
    fail("db", "EAI_AGAIN");
    expect(told).toEqual(["EAI_AGAIN"]);
  });
});

describe("what is kept of names", () => {
  it("has a bound: askers of one that is never answered", () => {
    const { clock, ask } = rig();
    const told = Array.from({ length: 1200 }, () => ask("silent"));
    clock.advance(0);
    expect(told.filter(([error]) => error === "EAI_AGAIN")).toHaveLength(200);
    expect(clock.pendingTimers).toBe(0);
  });

  it("has a bound: names that were asked for once", () => {
    const { ask, answer, fail, begun } = rig();
    ask("first");
    answer("first", "10.0.0.1");
    for (const name of many(10_000, "db")) {
      ask(name);
      answer(name, "10.0.0.1");
    }
    const told = ask("first");
    fail("first", "EAI_AGAIN");
    expect(told).toEqual(["EAI_AGAIN"]);
    expect(begun).toHaveLength(10_002);
  });
});

describe("the threads that look names up", () => {
  it.each([
    [undefined, 2],
    ["16", 8],
    ["5", 3],
    ["1", 1],
    ["0", 1],
    ["many", 1],
    ["5000", 512],
  ])("are one in two of libuv's: of %s there are %d", (size, atOnce) => {
    expect(lookupsAtOnce(size)).toBe(atOnce);
  });
});
