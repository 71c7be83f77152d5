import type { ScramKeys } from "@sluice/shared/secrets";
import { describe, expect, it } from "vitest";
import { KeyDerivations } from "./key-derivations.js";
import { keysFromPassword } from "./scram-client.js";

const SALT = Buffer.from("salt");
const KEYS: ScramKeys = { clientKey: Buffer.alloc(32), serverKey: Buffer.alloc(32) };

/** Derivations that end when the test says so; passwords are `tenant number`. */
class Bench {
  readonly begun: string[] = [];
  readonly #ends = new Map<string, (failed?: Error) => void>();
  readonly derivations = new KeyDerivations(
    (password) =>
      new Promise((resolve, reject) => {
        this.begun.push(password);
        this.#ends.set(password, (failed) => (failed === undefined ? resolve(KEYS) : reject(failed)));
      }),
  );

  ask(tenant: string, number: number): Promise<ScramKeys> {
    return this.derivations.derive(tenant, `${tenant}${number}`, SALT, 4096);
  }

  async end(password: string, failed?: Error): Promise<void> {
    this.#ends.get(password)?.(failed);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("hashing passwords for many tenants", () => {
  it("never has more than one of a tenant under way, however many it wants", async () => {
    const bench = new Bench();
    const all = [1, 2, 3].map((number) => bench.ask("a", number));
    expect(bench.begun).toEqual(["a1"]);
    await bench.end("a1");
    expect(bench.begun).toEqual(["a1", "a2"]);
    await bench.end("a2");
    await bench.end("a3");
    expect(await Promise.all(all)).toEqual([KEYS, KEYS, KEYS]);
  });

  it("begins at once with another tenant's while one is at it for long", () => {
    const bench = new Bench();
    for (let number = 0; number < 1000; number++) void bench.ask("slow", number);
    void bench.ask("b", 1);
    expect(bench.begun).toEqual(["slow0", "b1"]);
  });

  it("takes tenants in turns, each in its own order", async () => {
    const bench = new Bench();
    for (const tenant of ["a", "b", "c"]) for (const number of [1, 2]) void bench.ask(tenant, number);
    for (const password of ["a1", "b1", "c1", "a2", "b2", "c2"]) await bench.end(password);
    expect(bench.begun).toEqual(["a1", "b1", "c1", "a2", "b2", "c2"]);
  });

  it("refuses what a tenant wants beyond a thousand that wait, and takes more when they are done", async () => {
    const bench = new Bench();
    for (let number = 0; number < 1001; number++) void bench.ask("a", number);
    await expect(bench.ask("a", 1001)).rejects.toMatchObject({ code: "ESERVERAUTH" });
    void bench.ask("b", 1);
    expect(bench.begun).toContain("b1");
    await bench.end("a0");
    void bench.ask("a", 1002);
    await bench.end("a1");
    expect(bench.begun).toContain("a2");
  });

  it("goes on after one that failed", async () => {
    const bench = new Bench();
    const first = bench.ask("a", 1);
    void bench.ask("a", 2);
    first.catch(() => undefined);
    await bench.end("a1", new Error("out of memory"));
    await expect(first).rejects.toThrow("out of memory");
    expect(bench.begun).toEqual(["a1", "a2"]);
  });
});

describe("the keys of a password", () => {
  it("are derived once for a salt, and again after a failure", async () => {
    let attempts = 0;
    const source = keysFromPassword("secret", () => {
      attempts += 1;
      return attempts === 1 ? Promise.reject(new Error("no room")) : Promise.resolve(KEYS);
    });
    await expect(source(SALT, 4096)).rejects.toThrow("no room");
    expect(await source(SALT, 4096)).toBe(KEYS);
    expect(await source(SALT, 4096)).toBe(KEYS);
    expect(attempts).toBe(2);
    await source(Buffer.from("other"), 4096);
    expect(attempts).toBe(3);
  });
});
