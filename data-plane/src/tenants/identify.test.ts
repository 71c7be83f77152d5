import { describe, expect, it } from "vitest";
import type { ClusterMember } from "./cluster.js";
import { InvalidUserInfo, MultipleUsers, NoIdentifier, TenantNotFound } from "./identification-failure.js";
import { identify } from "./identify.js";
import { SampleDirectory } from "./sample-directory.js";
import { sampleTenant } from "./sample-tenant.js";
import type { Tenant } from "./tenant.js";

function tenant(id: string, sniHostname?: string): Tenant {
  return sampleTenant({ id, sniHostname });
}

function identified(parameters: Record<string, string>, serverName?: string) {
  const directory = new SampleDirectory();
  directory.give([tenant("one"), tenant("two", "db.example.com")]);
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

  it("refuses a server name that two tenants have", () => {
    const directory = new SampleDirectory();
    directory.give([tenant("one", "db.example.com"), tenant("two", "db.example.com")]);
    const login = (): string => identify(new Map([["user", "a"]]), "db.example.com", directory).tenant.id;
    expect(login).toThrow(MultipleUsers);
    directory.give([], ["one"]);
    expect(login()).toBe("two");
  });

  it("takes unicode names, and splits them at dots of ASCII only", () => {
    expect(identified({ user: "größe.日本.one" })).toMatchObject({ user: "größe.日本", tenant: "one" });
    expect(() => identified({ user: "a\u3002one" })).toThrow(NoIdentifier);
    expect(() => identified({ user: `${"é".repeat(32)}.one` })).toThrow(InvalidUserInfo);
    expect(identified({ user: `${"é".repeat(31)}.one` }).user).toHaveLength(31);
  });

  it("is not fooled by dots at either end", () => {
    expect(() => identified({ user: ".one" })).toThrow(NoIdentifier);
    expect(() => identified({ user: "a." })).toThrow(TenantNotFound);
    expect(() => identified({ user: "." })).toThrow(NoIdentifier);
    expect(identified({ user: "..one" }).user).toBe(".");
  });

  describe("a cluster", () => {
    function clustered(members: readonly ClusterMember[], active = true) {
      const directory = new SampleDirectory();
      directory.give(["w1", "w2", "r1", "r2"].map((id) => tenant(id)));
      directory.applyClusters([{ alias: "c", active, members }], []);
      return (user: string, options = ""): string =>
        identify(new Map(Object.entries({ user, options })), undefined, directory).tenant.id;
    }
    const member = (name: string, type: "read" | "write", active = true): ClusterMember => ({
      tenant: name,
      type,
      active,
    });
    const all = [member("r1", "read"), member("w1", "write"), member("w2", "write"), member("r2", "read")];

    it("stands for its first active writer, else its first active reader", () => {
      expect(clustered(all)("a.cluster.c")).toBe("w1");
      expect(clustered(all.map((m) => ({ ...m, active: m.tenant !== "w1" })))("a.cluster.c")).toBe("w2");
      expect(clustered([member("r1", "read", false), member("r2", "read")])("a.cluster.c")).toBe("r2");
      expect(clustered([member("elsewhere", "write"), member("r2", "read")])("a.cluster.c")).toBe("r2");
    });

    it("gives its readers in turn to those who ask for them", () => {
      const login = clustered(all);
      const options = "reference=c&type=read";
      expect([1, 2, 3].map(() => login("a", options))).toEqual(["r1", "r2", "r1"]);
      expect(login("a.cluster.c", "type=read")).toBe("r2");
      expect(login("a", "reference=c")).toBe("w1");
      expect(clustered([member("w1", "write")])("a", options)).toBe("w1");
    });

    it("is not found when it is inactive, has nobody, or is not there", () => {
      for (const login of [clustered(all, false), clustered([member("r1", "read", false)])])
        expect(() => login("a.cluster.c")).toThrow(TenantNotFound);
      expect(() => clustered(all)("a.cluster.d")).toThrow(TenantNotFound);
    });

    it("leaves dots of the user's name alone", () => {
      const directory = new SampleDirectory();
      directory.give([tenant("w1")]);
      directory.applyClusters([{ alias: "c", active: true, members: [member("w1", "write")] }], []);
      const user = "a.cluster.b.cluster.c";
      expect(identify(new Map([["user", user]]), undefined, directory).user).toBe("a.cluster.b");
    });
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
