import type { LookupFunction } from "node:net";
import { FakeClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import { MovedHosts } from "./moved-hosts.js";

function rig(host: string, ...at: string[]) {
  const names = new Map<string, string[]>();
  const gone: string[][] = [];
  const asked: string[] = [];
  const lookup: LookupFunction = (name, _options, call) => {
    asked.push(name);
    const addresses = names.get(name);
    if (addresses === undefined) call(new Error("ENOTFOUND"), []);
    else
      call(
        null,
        addresses.map((address) => ({ address, family: 4 })),
      );
  };
  const pool = {
    addresses: new Set(at),
    leave: (addresses: ReadonlySet<string>) => void gone.push([...addresses]),
  };
  const upstream = { host, port: 5432, ipVersion: "auto", tls: undefined } as const;
  let told = 0;
  const hosts = new MovedHosts(
    new FakeClock(),
    { globalCa: undefined, names: { lookup, lookupNow: lookup } },
    () => [
      { upstream, pool },
      { upstream, pool: { ...pool, addresses: new Set<string>() } },
    ],
    () => {
      told += 1;
    },
  );
  return { hosts, names, gone, asked, told: () => told };
}

describe("MovedHosts", () => {
  it("has servers leave whose address the name has had no more for two looks", async () => {
    const { hosts, names, gone, told } = rig("db", "10.0.0.1", "10.0.0.2");
    names.set("db", ["10.0.0.1", "10.0.0.2"]);
    await hosts.look();
    names.set("db", ["10.0.0.2", "10.0.0.3"]);
    await hosts.look();
    expect(gone).toEqual([]);
    await hosts.look();
    expect(gone).toEqual([["10.0.0.1"]]);
    expect(told()).toBe(1);
  });

  it("keeps those of a name that is answered with other addresses each time", async () => {
    const { hosts, names, gone } = rig("db", "10.0.0.1", "10.0.0.2");
    for (let turn = 0; turn < 6; turn++) {
      names.set("db", [turn % 2 === 0 ? "10.0.0.1" : "10.0.0.2"]);
      await hosts.look();
    }
    expect(gone).toEqual([]);
  });

  it("takes a name that cannot be looked up for no news", async () => {
    const { hosts, gone } = rig("db", "10.0.0.1");
    for (let turn = 0; turn < 4; turn++) await hosts.look();
    expect(gone).toEqual([]);
  });

  it("looks up no address, and each name once", async () => {
    const numeric = rig("10.0.0.1", "10.0.0.1");
    await numeric.hosts.look();
    expect(numeric.asked).toEqual([]);
    const named = rig("db", "10.0.0.1");
    await named.hosts.look();
    expect(named.asked).toEqual(["db"]);
  });
});
