import { formatVerifier, type ScramVerifier } from "@sluice/shared/secrets";
import { FakeClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import { sampleTenant, type Tenant } from "../tenants/index.js";
import { AuthQueryFailed } from "./auth-query-failed.js";
import { CachedVerifiers } from "./cached-verifiers.js";

function verifier(fill: number): ScramVerifier {
  return {
    iterations: 4096,
    salt: Buffer.alloc(16, fill),
    storedKey: Buffer.alloc(32, fill),
    serverKey: Buffer.alloc(32, fill),
  };
}

function scram(fill: number) {
  return { kind: "scram", verifier: verifier(fill) };
}

function tenant(revision = 1): Tenant {
  return sampleTenant({ revision });
}

/** A database that answers with `answer()` and counts how often it was asked. */
function setUp() {
  const clock = new FakeClock();
  const database = {
    reads: 0,
    answer: async (): Promise<string | undefined> => formatVerifier(verifier(1)),
  };
  const verifiers = new CachedVerifiers(() => {
    database.reads += 1;
    return database.answer();
  }, clock);
  return { clock, database, verifiers };
}

describe("CachedVerifiers", () => {
  it("serve a fresh verifier without asking the database, and ask again when it is not", async () => {
    const { clock, database, verifiers } = setUp();
    await verifiers.find(tenant(), "u");
    clock.advance(4999);
    expect(await verifiers.find(tenant(), "u")).toEqual(scram(1));
    expect(database.reads).toBe(1);
    clock.advance(1);
    database.answer = async () => formatVerifier(verifier(2));
    expect(await verifiers.find(tenant(), "u")).toEqual(scram(2));
    expect(database.reads).toBe(2);
  });

  it("read once for all who ask at the same time", async () => {
    const { database, verifiers } = setUp();
    const found = await Promise.all([1, 2, 3].map(() => verifiers.find(tenant(), "u")));
    expect(found).toEqual([scram(1), scram(1), scram(1)]);
    expect(database.reads).toBe(1);
  });

  it("serve what the database said last when it is slow", async () => {
    const { clock, database, verifiers } = setUp();
    await verifiers.find(tenant(), "u");
    clock.advance(5000);
    database.answer = () => new Promise(() => undefined);
    const found = verifiers.find(tenant(), "u");
    clock.advance(1000);
    expect(await found).toEqual(scram(1));
  });

  it("serve what the database said last when it is away, and fail when it never said anything", async () => {
    const { clock, database, verifiers } = setUp();
    await verifiers.find(tenant(), "u");
    clock.advance(5000);
    database.answer = async () => {
      throw new AuthQueryFailed("away");
    };
    expect(await verifiers.find(tenant(), "u")).toEqual(scram(1));
    await expect(verifiers.find(tenant(), "other")).rejects.toThrow(AuthQueryFailed);
  });

  it("take a slow database alike for users that exist and users that do not", async () => {
    const { clock, database, verifiers } = setUp();
    database.answer = async () => undefined;
    await verifiers.find(tenant(), "nobody");
    clock.advance(5000);
    database.answer = () => new Promise(() => undefined);
    const found = verifiers.find(tenant(), "nobody");
    clock.advance(1000);
    expect(await found).toBeUndefined();
  });

  it("are pushed out by no names that strangers make up", async () => {
    const { clock, database, verifiers } = setUp();
    await verifiers.find(tenant(), "u");
    database.answer = async () => undefined;
    for (let i = 0; i < 10_050; i++) await verifiers.find(tenant(), `nobody${i}`);
    clock.advance(5000);
    database.answer = async () => {
      throw new AuthQueryFailed("away");
    };
    expect(await verifiers.find(tenant(), "u")).toEqual(scram(1));
    // Of the names themselves only so many are remembered.
    expect(await verifiers.find(tenant(), "nobody10049")).toBeUndefined();
    await expect(verifiers.find(tenant(), "nobody0")).rejects.toThrow(AuthQueryFailed);
  });

  it("ask again after a failed login and after the tenant changed", async () => {
    const { database, verifiers } = setUp();
    await verifiers.find(tenant(), "u");
    verifiers.loginFailed(tenant(), "u");
    await verifiers.find(tenant(), "u");
    expect(database.reads).toBe(2);
    await verifiers.find(tenant(2), "u");
    expect(database.reads).toBe(3);
  });

  it("know an MD5 secret, and take a user without a secret that can be used for none", async () => {
    const { database, verifiers } = setUp();
    database.answer = async () => undefined;
    expect(await verifiers.find(tenant(), "nobody")).toBeUndefined();
    database.answer = async () => "md5aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    expect(await verifiers.find(tenant(), "old")).toEqual({
      kind: "md5",
      hash: "md5aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    });
    database.answer = async () => "cleartext";
    expect(await verifiers.find(tenant(), "odd")).toBeUndefined();
  });

  it("take the bundle's verifier for require_user, without asking the database", async () => {
    const { database, verifiers } = setUp();
    const users = new Map([
      [
        "u",
        {
          name: "u",
          poolSize: 1,
          manager: false,
          checkoutTimeoutMs: 1000,
          maxClients: undefined,
          password: () => "",
          verifier: () => formatVerifier(verifier(7)),
          alias: "u",
          mode: "transaction" as const,
        },
      ],
    ]);
    const requiring = { ...tenant(), requireUser: true, users };
    expect(await verifiers.find(requiring, "u")).toEqual(scram(7));
    expect(await verifiers.find(requiring, "v")).toBeUndefined();
    expect(database.reads).toBe(0);
  });
});
