import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, inject, it } from "vitest";
import { eventually } from "../../support/eventually.js";
import { cancelRequest, errorFields, message, query, startup } from "../../support/protocol.js";
import { RawClient, saslInitial } from "../../support/raw-client.js";
import { ScramPeer } from "../../support/scram-peer.js";
import { AUTH_QUERY, Edge, type EdgeOptions, type EdgeTenant, tenantOn } from "./edge.js";

const WORKERS = 3;

describe("over several workers", () => {
  const server = inject("postgres");
  const login = { user: `${server.user}.t`, database: "postgres" };
  let edge: Edge;

  afterEach(async () => {
    await edge?.stop();
  });
  const start = async (options: EdgeOptions = {}, tenant: Partial<EdgeTenant> = {}): Promise<void> => {
    edge = await Edge.start({ workers: WORKERS, ...options });
    await edge.put("t", tenantOn(server, tenant));
  };
  const connect = (worker: number): Promise<RawClient> => RawClient.connect(edge.portOf(worker % WORKERS));
  /** The client, or the code of the refusal. */
  const logIn = async (worker: number): Promise<RawClient | string> => {
    const client = await connect(worker);
    try {
      await client.logIn(login, server);
      return client;
    } catch (error) {
      client.close();
      return /"C":"(\w{5})"/.exec(String(error))?.[1] ?? String(error);
    }
  };
  /** With a wrong password. */
  const fail = async (worker: number): Promise<string | undefined> => {
    const client = await connect(worker);
    client.send(startup(login));
    const asked = await client.message();
    if (asked.type === "E") {
      client.close();
      return errorFields(asked.body)["C"];
    }
    const peer = new ScramPeer("wrong");
    client.send(saslInitial("SCRAM-SHA-256", peer.first()));
    client.send(message("p", Buffer.from(peer.final(await client.saslContinue()).message)));
    return (await client.refusal())["C"];
  };

  it("gives default_max_clients places, exactly, however many come at once to whichever worker", async () => {
    await start({}, { defaultMaxClients: 7 });
    const outcomes = await Promise.all(Array.from({ length: 30 }, (_, i) => logIn(i)));
    const clients = outcomes.filter((outcome) => typeof outcome !== "string");
    expect(clients).toHaveLength(7);
    expect(new Set(outcomes.filter((outcome) => typeof outcome === "string"))).toEqual(new Set(["53300"]));
    clients.pop()?.close();
    const next = await eventually("a place again", async () => {
      const outcome = await logIn(1);
      return typeof outcome === "string" ? undefined : outcome;
    });
    expect(await logIn(2)).toBe("53300");
    for (const client of [next, ...clients]) client.close();
  });

  it("gives a large limit's places exactly, though workers keep some of them at hand", async () => {
    await start({}, { defaultMaxClients: 60 });
    const outcomes: (RawClient | string)[] = [];
    const work = async (worker: number): Promise<void> => {
      for (let i = 0; i < 25; i++) outcomes.push(await logIn(worker));
    };
    await Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(worker)));
    const clients = outcomes.filter((outcome) => typeof outcome !== "string");
    expect(clients).toHaveLength(60);
    for (const client of clients.slice(1)) client.close();
    // Every place is one worker's after the other.
    for (let worker = 0; worker < WORKERS; worker++) {
      const inside: RawClient[] = [];
      await eventually("59 places at one worker", async () => {
        const outcome = await logIn(worker);
        if (typeof outcome !== "string") inside.push(outcome);
        return inside.length === 59;
      });
      expect(await logIn(worker)).toBe("53300");
      for (const client of inside) client.close();
    }
    clients[0]?.close();
  });

  it("lets nobody guess more often on many connections to many workers than on one", async () => {
    await start();
    const outcomes = await Promise.all(Array.from({ length: 40 }, (_, i) => fail(i)));
    expect(outcomes.filter((code) => code === "28P01")).toHaveLength(10);
    expect(outcomes.filter((code) => code === "53400")).toHaveLength(30);
    for (let worker = 0; worker < WORKERS; worker++) expect(await logIn(worker)).toBe("53400");
  });

  it("bounds those on their way to a login from one address", async () => {
    await start({ worker: { mostUnauthenticatedPerAddress: 1 } });
    const waiting = await Promise.all([0, 1, 2].map(connect));
    // Their addresses have been counted once this is answered.
    for (const client of waiting) client.send(startup(login));
    for (const client of waiting) expect((await client.message()).type).toBe("R");
    for (let worker = 0; worker < WORKERS; worker++) expect(await logIn(worker)).toBe("53300");
    waiting[1]?.close();
    await eventually("room again", async () => typeof (await logIn(1)) !== "string");
    expect(await logIn(2)).toBe("53300");
    for (const client of waiting) client.close();
  });

  it("takes a password that was changed at every worker, once it has failed at one", async () => {
    await start({}, { requireUser: false, authQuery: AUTH_QUERY });
    const admin = await RawClient.connect(server.port);
    await admin.logIn({ user: server.user, database: "postgres" }, server);
    const user = `w_${randomBytes(5).toString("hex")}`;
    const comesIn = async (worker: number, password: string): Promise<boolean> => {
      const client = await connect(worker);
      try {
        await client.logIn({ user: `${user}.t`, database: "postgres" }, { password });
        return true;
      } catch (error) {
        expect(String(error)).toContain("28P01");
        return false;
      } finally {
        client.close();
      }
    };
    await admin.query(`create role ${user} login password 'old'`);
    try {
      // Every worker knows the verifier now.
      for (let worker = 0; worker < WORKERS; worker++) expect(await comesIn(worker, "old")).toBe(true);
      await admin.query(`alter role ${user} password 'new'`);
      // Within the cache's 5 s the first try may fail.
      await comesIn(0, "new");
      for (let worker = 0; worker < WORKERS; worker++) expect(await comesIn(worker, "new")).toBe(true);
      for (let worker = 0; worker < WORKERS; worker++) expect(await comesIn(worker, "old")).toBe(false);
    } finally {
      await edge.stop();
      await admin.query(`drop role ${user}`);
      admin.close();
    }
  });

  it("cancels by whichever worker the request comes to", async () => {
    await start();
    const client = await connect(0);
    const { pid, secret } = await client.logIn(login, server);
    const watcher = await RawClient.connect(server.port);
    await watcher.logIn({ user: server.user, database: "postgres" }, server);
    for (let worker = 0; worker < WORKERS; worker++) {
      client.send(query(`select pg_sleep(6${worker})`));
      await eventually("it runs", async () => {
        const rows = await watcher.query(
          `select 1 from pg_stat_activity where query = 'select pg_sleep(6${worker})' and state = 'active'`,
        );
        return rows.length === 1;
      });
      const cancel = await connect(worker);
      cancel.send(cancelRequest(pid, secret));
      await cancel.rest();
      cancel.close();
      let code: string | undefined;
      for (let got = await client.message(); got.type !== "Z"; got = await client.message())
        if (got.type === "E") code = errorFields(got.body)["C"];
      expect(code).toBe("57014");
    }
    watcher.close();
    client.close();
  });

  it("opens no more servers than pool_size, and serves everybody", async () => {
    await start({}, { users: [{ name: server.user, password: server.password, poolSize: 2 }] });
    const clients = await Promise.all(
      Array.from({ length: 12 }, async (_, i) => {
        const client = await connect(i);
        await client.logIn({ ...login, application_name: "counted" }, server);
        return client;
      }),
    );
    const most = clients.map(async (client) => {
      const counts: number[] = [];
      for (let i = 0; i < 20; i++) {
        const [row] = await client.query(
          "select count(*) from pg_stat_activity where backend_type = 'client backend' and application_name = 'counted'",
        );
        counts.push(Number(row?.[0]));
      }
      return Math.max(...counts);
    });
    expect(Math.max(...(await Promise.all(most)))).toBeLessThanOrEqual(2);
    for (const client of clients) client.close();
  });
});
