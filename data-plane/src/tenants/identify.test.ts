import { describe, expect, it } from "vitest";
import { Directory } from "./directory.js";
import { InvalidUserInfo, NoIdentifier, TenantNotFound } from "./identification-failure.js";
import { identify } from "./identify.js";
import { sampleTenant } from "./sample-tenant.js";
import type { Tenant } from "./tenant.js";

function tenant(id: string, sniHostname?: string): Tenant {
  return sampleTenant({ id, sniHostname });
}

function identified(parameters: Record<string, string>, serverName?: string) {
  const directory = new Directory();
  directory.apply([tenant("one"), tenant("two", "db.example.com")], []);
  const identity = identify(new Map(Object.entries(parameters)), serverName, directory);
  return { ...identity, tenant: identity.tenant.id, settings: Object.fromEntries(identity.settings) };
}

describe("identify", () => {
  it("takes the tenant behind the user name's last dot", () => {
    expect(identified({ user: "a.b.one" })).toMatchObject({
      tenant: "one",
      user: "a.b",
      database: "postgres",
    });
  });

  it("prefers the reference in options and then leaves the user name whole", () => {
    expect(identified({ user: "a.one", options: "reference=two" })).toMatchObject({
      tenant: "two",
      user: "a.one",
    });
  });

  it("falls back on the server name of TLS: its exact name, else its first label", () => {
    expect(identified({ user: "a" }, "DB.example.com").tenant).toBe("two");
    expect(identified({ user: "a" }, "one.pooler.example").tenant).toBe("one");
  });

  it("refuses who names no tenant, or one that is not there", () => {
    expect(() => identified({ user: "a" })).toThrow(NoIdentifier);
    expect(() => identified({ user: "a" }, "three.example")).toThrow(NoIdentifier);
    expect(() => identified({ user: "a.three" }, "one.example")).toThrow(TenantNotFound);
    expect(() => identified({ user: "a", options: "reference=three" })).toThrow(TenantNotFound);
  });

  it("refuses names that are empty, too long or unprintable", () => {
    for (const user of ["", "a\n", "a".repeat(64)])
      expect(() => identified({ user, options: "reference=one" })).toThrow(InvalidUserInfo);
    expect(() => identified({ user: "a.one", database: "x\u007f" })).toThrow(InvalidUserInfo);
    expect(identified({ user: `${"a".repeat(63)}.one` }).user).toHaveLength(63);
  });

  it("gathers settings, those with a name of their own winning over options", () => {
    const { settings } = identified({
      user: "a.one",
      database: "d",
      options: "-c a=1 -c timezone=GMT reference=one",
      replication: "false",
      TimeZone: "UTC",
      "_pq_.x": "1",
    });
    expect(settings).toEqual({ a: "1", timezone: "UTC" });
  });
});
