import { decodeTenant, encodeTenant, type VerifiedBytes } from "@sluice/shared/bundle";
import { beforeEach, describe, expect, it } from "vitest";
import { Directory } from "./directory.js";
import { SampleDirectory } from "./sample-directory.js";
import { sampleTenant } from "./sample-tenant.js";
import type { Tenant } from "./tenant.js";

function tenant(id: string, sniHostname: string | undefined, revision = 1): Tenant {
  return sampleTenant({ id, sniHostname, revision });
}

/** A host that the parser of these tests does not take. */
const BROKEN = "broken";

describe("Directory", () => {
  it("is loaded by any state, even an empty one", () => {
    const directory = new SampleDirectory();
    expect(directory.loaded).toBe(false);
    directory.give([], []);
    expect([directory.loaded, directory.size]).toEqual([true, 0]);
  });

  it("forgets the old server name when a tenant's changes or the tenant goes", () => {
    const directory = new SampleDirectory();
    directory.give([tenant("t", "old.example")]);
    directory.give([tenant("t", "new.example", 2)]);
    expect(directory.findBySni("old.example")).toEqual([]);
    expect(directory.findBySni("new.example")[0]?.revision).toBe(2);
    directory.give([], ["t"]);
    expect(directory.findBySni("new.example")).toEqual([]);
    expect(directory.size).toBe(0);
  });

  it("keeps a server name that passed from one tenant to another in one change", () => {
    const directory = new SampleDirectory();
    directory.give([tenant("a", "x.example")]);
    directory.give([tenant("b", "x.example"), tenant("a", undefined, 2)]);
    expect(directory.findBySni("x.example").map(({ id }) => id)).toEqual(["b"]);
  });

  it("tells of a change when the whole of it is in place", () => {
    const directory = new SampleDirectory({ tellsOfAll: true });
    directory.give([tenant("gone", undefined), tenant("kept", undefined)]);
    const told: string[] = [];
    directory.listen({
      tenantChanged: (now, before) =>
        told.push(`${now.id} ${before?.revision ?? "new"} of ${directory.size}`),
      tenantRemoved: (was) => told.push(`${was.id} removed of ${directory.size}`),
    });
    directory.give([tenant("kept", undefined, 2), tenant("new", undefined)], ["gone", "unknown"]);
    expect(told).toEqual(["gone removed of 2", "kept 1 of 2"]);
  });

  describe("of records", () => {
    const bytes = (id: string, sniHostname = "", dbHost = "db"): VerifiedBytes =>
      encodeTenant({ externalId: id, sniHostname, dbHost }) as VerifiedBytes;
    let parsed: string[] = [];
    const parse = (body: VerifiedBytes): Tenant => {
      const { externalId: id, sniHostname, dbHost: host } = decodeTenant(body);
      if (host === BROKEN) throw new Error("it is broken");
      parsed.push(id);
      return sampleTenant({
        id,
        sniHostname,
        upstream: { host, port: 5432, ipVersion: "auto", tls: undefined },
      });
    };
    const keep = (
      directory: Directory,
      upsert: readonly VerifiedBytes[],
      remove: readonly string[] = [],
    ): void =>
      directory.keep(new Map(upsert.map((body) => [decodeTenant(body).externalId, body])), remove, parse);
    const listening = (directory: Directory): string[] => {
      const told: string[] = [];
      directory.listen({
        tenantChanged: ({ id, upstream }, before) =>
          told.push(`${id} ${before?.upstream.host ?? "new"} -> ${upstream.host}`),
        tenantRemoved: ({ id }) => told.push(`${id} removed`),
      });
      return told;
    };
    beforeEach(() => {
      parsed = [];
    });

    it("parses a tenant when it is asked for, by id or by server name, once", () => {
      const directory = new Directory();
      keep(directory, [bytes("a"), bytes("b", "B.example")]);
      expect([directory.size, parsed]).toEqual([2, []]);
      expect(directory.findBySni("b.EXAMPLE").map(({ id }) => id)).toEqual(["b"]);
      expect(directory.find("b")).toBe(directory.find("b"));
      expect([directory.findBySni("a.example")[0]?.id, directory.find("c"), parsed]).toEqual([
        "a",
        undefined,
        ["b", "a"],
      ]);
      keep(directory, [bytes("b", "other.example")]);
      expect(directory.findBySni("b.example").map(({ id }) => id)).toEqual(["b"]);
      expect(directory.findBySni("other.example").map(({ id }) => id)).toEqual(["b"]);
    });

    it("tells of a tenant from the time it is asked for, and of nothing else", () => {
      const directory = new Directory();
      const told = listening(directory);
      keep(directory, [bytes("a"), bytes("b")]);
      directory.find("a");
      keep(directory, [bytes("a", "", "db2"), bytes("b", "", "db2")]);
      expect(directory.find("b")?.upstream.host).toBe("db2");
      keep(directory, [], ["a", "b", "c"]);
      expect(told).toEqual(["a new -> db", "a db -> db2", "b new -> db2", "a removed", "b removed"]);
      expect([directory.size, directory.find("a")]).toEqual([0, undefined]);
    });

    it("tells of changes of all where that is wanted, with what was there before", () => {
      const directory = new Directory({ tellsOfAll: true });
      const told = listening(directory);
      keep(directory, [bytes("a"), bytes("b")]);
      expect(parsed).toEqual([]);
      keep(directory, [bytes("a", "", "db2"), bytes("new")], ["b"]);
      expect(told).toEqual(["b removed", "a db -> db2"]);
      // Being asked for is no change: it may be one of them who asks.
      expect([directory.find("new")?.id, directory.find("a")?.id, told.length]).toEqual(["new", "a", 2]);
      keep(directory, [], ["a", "new"]);
      expect(told.slice(2)).toEqual(["a removed", "new removed"]);
    });

    it("shows all, and remembers none for that", () => {
      const directory = new Directory();
      const told = listening(directory);
      keep(directory, [bytes("a"), bytes("b")]);
      expect(Array.from(directory.tenants(), ({ id }) => id)).toEqual(["a", "b"]);
      expect([...directory.tenants()].length).toBe(2);
      expect([parsed, told]).toEqual([["a", "b", "a", "b"], []]);
    });

    it("does without one that cannot be parsed, says so once, and serves it when its record is another one", () => {
      const unusable: string[] = [];
      const directory = new Directory({ tellsOfAll: true, unusable: (id) => unusable.push(id) });
      const told = listening(directory);
      keep(directory, [bytes("a", "", BROKEN), bytes("b")]);
      expect([directory.find("a"), directory.find("a"), directory.find("b")?.id]).toEqual([
        undefined,
        undefined,
        "b",
      ]);
      expect(unusable).toEqual(["a"]);
      keep(directory, [bytes("a"), bytes("b", "", BROKEN)]);
      expect([directory.find("a")?.id, directory.find("b"), unusable]).toEqual(["a", undefined, ["a", "b"]]);
      expect(told).toEqual([]);
    });

    it("forgets what was parsed for nobody, but not what was asked for just now", () => {
      const directory = new Directory();
      keep(directory, [bytes("used"), bytes("named")]);
      for (const id of ["used", "named"]) directory.find(id);
      const isUsed = (id: string): boolean => id === "used";
      directory.forgetUnused(isUsed);
      for (const id of ["used", "named"]) directory.find(id);
      expect(parsed).toHaveLength(2);
      directory.forgetUnused(isUsed);
      directory.forgetUnused(isUsed);
      for (const id of ["used", "named"]) directory.find(id);
      expect(parsed).toEqual(["used", "named", "named"]);
    });
  });
});
