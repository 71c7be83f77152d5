import { describe, expect, it } from "vitest";
import { Directory } from "./directory.js";
import { sampleTenant } from "./sample-tenant.js";
import type { Tenant } from "./tenant.js";

function tenant(id: string, sniHostname: string | undefined, revision = 1): Tenant {
  return sampleTenant({ id, sniHostname, revision });
}

describe("Directory", () => {
  it("is loaded by any state, even an empty one", () => {
    const directory = new Directory();
    expect(directory.loaded).toBe(false);
    directory.apply([], []);
    expect([directory.loaded, directory.size]).toEqual([true, 0]);
  });

  it("forgets the old server name when a tenant's changes or the tenant goes", () => {
    const directory = new Directory();
    directory.apply([tenant("t", "old.example")], []);
    directory.apply([tenant("t", "new.example", 2)], []);
    expect(directory.findBySni("old.example")).toEqual([]);
    expect(directory.findBySni("new.example")[0]?.revision).toBe(2);
    directory.apply([], ["t"]);
    expect(directory.findBySni("new.example")).toEqual([]);
    expect(directory.size).toBe(0);
  });

  it("keeps a server name that passed from one tenant to another in one change", () => {
    const directory = new Directory();
    directory.apply([tenant("a", "x.example")], []);
    directory.apply([tenant("b", "x.example"), tenant("a", undefined, 2)], []);
    expect(directory.findBySni("x.example").map(({ id }) => id)).toEqual(["b"]);
  });

  it("tells of a change when the whole of it is in place", () => {
    const directory = new Directory();
    directory.apply([tenant("gone", undefined), tenant("kept", undefined)], []);
    const told: string[] = [];
    directory.listen({
      tenantChanged: (now, before) =>
        told.push(`${now.id} ${before?.revision ?? "new"} of ${directory.size}`),
      tenantRemoved: (was) => told.push(`${was.id} removed of ${directory.size}`),
    });
    directory.apply([tenant("kept", undefined, 2), tenant("new", undefined)], ["gone", "unknown"]);
    expect(told).toEqual(["gone removed of 2", "kept 1 of 2", "new new of 2"]);
  });
});
