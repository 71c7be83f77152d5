import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import { eventually } from "../../support/eventually.js";
import { cstring, errorFields, int32, message, startup } from "../../support/protocol.js";
import { RawClient, saslInitial } from "../../support/raw-client.js";
import { RawServer } from "../../support/raw-server.js";
import { AUTH_QUERY, Edge, tenantOn } from "./edge.js";

/** Beside ten times what a login takes on this machine now, with nobody in its way. Behind all that hashing it would be 10 s and more. */
const BOUND_MS = 2000;

/** One tenant is flooded; how long do the logins of another take? */
describe("a flood of one tenant's logins", () => {
  const server = inject("postgres");
  let edge: Edge;
  let flooding: boolean;
  let boundMs: number;

  beforeEach(async () => {
    flooding = true;
    edge = await Edge.start({ proxyProtocol: "optional", trustedBalancers: ["127.0.0.1/32"] });
    await edge.put("alone", tenantOn(server));
    boundMs = BOUND_MS + 10 * (await slowest(["alone", "alone", "alone"]));
  });
  afterEach(async () => {
    flooding = false;
    await edge?.stop();
  });

  /** From many addresses, so that no brake stops it. */
  const from = (address: number): Buffer =>
    Buffer.from(`PROXY TCP4 10.0.${address >> 8}.${address & 255} 198.51.100.1 1234 6543\r\n`);
  const login = (tenant: string, user = server.user) => ({ user: `${user}.${tenant}`, database: "postgres" });
  /** A login that ends with a wrong proof, which costs the guesser nothing. */
  const guess = async (address: number, tenant: string, user?: string): Promise<string | undefined> => {
    const client = await RawClient.connect(edge.port);
    client.send(from(address), startup(login(tenant, user)));
    const asked = await client.message();
    if (asked.type === "E") {
      client.close();
      return errorFields(asked.body)["C"];
    }
    client.send(saslInitial("SCRAM-SHA-256", "n,,n=,r=abc"));
    const [nonce = ""] = (await client.saslContinue()).split(",");
    const proof = randomBytes(32).toString("base64");
    client.send(message("p", Buffer.from(`c=biws,${nonce},p=${proof}`)));
    return (await client.refusal())["C"];
  };
  /** So many at once, each beginning anew when it has ended, until the test ends. */
  const flood = (atOnce: number, attempt: (number: number) => Promise<unknown>): (() => number) => {
    let ended = 0;
    for (let i = 0; i < atOnce; i++) {
      const one = async (): Promise<void> => {
        for (let number = i; flooding; number += atOnce) {
          await attempt(number).catch(() => undefined);
          ended += 1;
        }
      };
      void one();
    }
    return () => ended;
  };
  /** Whole logins, to a server and back, and the longest of them. */
  const slowest = async (tenants: readonly string[]): Promise<number> => {
    let longestMs = 0;
    for (const tenant of tenants) {
      const beganMs = performance.now();
      const client = await RawClient.connect(edge.sessionPort);
      await client.logIn(login(tenant), server);
      longestMs = Math.max(longestMs, performance.now() - beganMs);
      client.close();
    }
    return longestMs;
  };

  it("with wrong passwords, from everywhere, does not hold up another tenant's, nor do brakes let up", async () => {
    await edge.put("flooded", tenantOn(server));
    await edge.put("calm", tenantOn(server));
    const ended = flood(50, (number) => guess(number, "flooded"));
    expect(await slowest(Array.from({ length: 20 }, () => "calm"))).toBeLessThan(boundMs);
    const before = ended();
    expect(before).toBeGreaterThan(0);
    const guesser = 65_535;
    const codes: (string | undefined)[] = [];
    for (let i = 0; i < 12; i++) codes.push(await guess(guesser, "flooded"));
    expect(codes).toEqual([...Array.from({ length: 10 }, () => "28P01"), "53400", "53400"]);
    // The flooded tenant's own users come in too, from where nobody guesses.
    expect(await slowest(["flooded"])).toBeLessThan(boundMs);
    expect(ended()).toBeGreaterThan(before);
  });

  it("with users that nobody knows, each asked of its database, does not hold up another's auth_query", async () => {
    const asking = { requireUser: false, authQuery: AUTH_QUERY };
    await edge.put("flooded", tenantOn(server, asking));
    for (let i = 0; i < 10; i++) await edge.put(`calm${i}`, tenantOn(server, asking));
    const ended = flood(100, (number) => guess(number, "flooded", `nobody${number}`));
    expect(await slowest(Array.from({ length: 10 }, (_, i) => `calm${i}`))).toBeLessThan(boundMs);
    expect(ended()).toBeGreaterThan(0);
  });

  it("whose server has every password hashed anew and a hundred times longer does not hold up another's", async () => {
    let hashed = 0;
    const hostile = await RawServer.start(async (connection) => {
      await connection.packet();
      connection.send(message("R", Buffer.concat([int32(10), cstring("SCRAM-SHA-256"), Buffer.of(0)])));
      const first = (await connection.expect("p")).toString("latin1");
      const salt = randomBytes(16).toString("base64");
      const challenge = `r=${/r=(.*)$/.exec(first)?.[1]}x,s=${salt},i=1000000`;
      connection.send(message("R", Buffer.concat([int32(11), Buffer.from(challenge)])));
      await connection.expect("p");
      hashed += 1;
      connection.socket.destroy();
    });
    try {
      const names = Array.from({ length: 40 }, (_, i) => `user${i}`);
      const users = names.map((name) => ({ name, password: "secret", poolSize: 1 }));
      await edge.put("hostile", tenantOn(server, { dbHost: "127.0.0.1", dbPort: hostile.port, users }));
      // Each with a password that has never been hashed here.
      for (let i = 0; i < 10; i++) await edge.put(`calm${i}`, tenantOn(server));
      flood(40, async (number) => {
        const client = await RawClient.connect(edge.sessionPort);
        await client.logIn(login("hostile", names[number % 40]), { password: "secret" });
      });
      // Forty hashings of a second: twenty seconds of two cores, if they went first.
      await eventually("all hash", () => hostile.connections >= 40, { timeoutMs: 15_000 });
      expect(await slowest(Array.from({ length: 10 }, (_, i) => `calm${i}`))).toBeLessThan(boundMs);
      expect(hashed).toBeLessThan(hostile.connections);
    } finally {
      await hostile.stop();
    }
  });
});
