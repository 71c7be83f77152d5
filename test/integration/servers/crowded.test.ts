import type pg from "pg";
import { afterEach, describe, expect, it } from "vitest";
import { connectAt } from "../../support/edge-client.js";
import { OwnPostgres } from "../../support/own-postgres.js";
import { Edge, tenantOn } from "../login/edge.js";

const CONNECTIONS = 12;

describe("a database that has no connection left", () => {
  let postgres: OwnPostgres | undefined;
  let edge: Edge | undefined;
  const clients: pg.Client[] = [];

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.end()));
    await edge?.stop();
    await postgres?.remove();
  });

  const start = async (workers: number): Promise<void> => {
    postgres = await OwnPostgres.start({ maxConnections: CONNECTIONS });
    await postgres.run("create database beside");
    edge = await Edge.start({ workers });
    const user = { name: "postgres", password: postgres.password, poolSize: 20, checkoutTimeoutMs: 15_000 };
    await edge.put("t", tenantOn(postgres, { users: [user] }));
  };
  const login = async (database: string, worker = 0): Promise<pg.Client> => {
    const at = edge?.portOf(worker) ?? 0;
    const client = await connectAt(at, { user: "postgres.t", password: "postgres", database });
    clients.push(client);
    return client;
  };
  /** As many servers as there can be, idle afterwards for as long as server_idle_timeout says. */
  const takeAll = async (worker = 0): Promise<void> => {
    const many = await Promise.all(Array.from({ length: CONNECTIONS }, () => login("postgres", worker)));
    await Promise.all(many.map((client) => client.query("select pg_sleep(0.3)").catch(() => undefined)));
  };
  const one = async (client: pg.Client): Promise<unknown> => (await client.query("select 1 as one")).rows;

  it("is shared by the pools on it: one that has servers to spare gives some up for another", async () => {
    await start(1);
    await takeAll();
    for (const client of await Promise.all([login("beside"), login("beside")]))
      expect(await one(client)).toEqual([{ one: 1 }]);
  });

  it("takes nothing from others where it is the role or the database that has none left by a limit of its own", async () => {
    postgres = await OwnPostgres.start();
    for (const name of ["wide", "narrow"]) await postgres.run(`create role ${name} login password '${name}'`);
    await postgres.run("alter role narrow connection limit 1");
    edge = await Edge.start();
    for (const name of ["wide", "narrow"])
      await edge.put(
        name,
        tenantOn(postgres, { users: [{ name, password: name, poolSize: 10, checkoutTimeoutMs: 2500 }] }),
      );
    const enter = async (name: string): Promise<pg.Client> => {
      const client = await connectAt(edge?.port ?? 0, { user: `${name}.${name}`, password: name });
      clients.push(client);
      return client;
    };
    const many = await Promise.all(Array.from({ length: 5 }, () => enter("wide")));
    await Promise.all(many.map((client) => client.query("select pg_sleep(0.3)")));
    const wide = (): Promise<unknown> =>
      (postgres as OwnPostgres).run("select pid from pg_stat_activity where usename = 'wide' order by pid");
    const before = await wide();
    expect(before).toHaveLength(5);
    const [holder, waiter] = [await enter("narrow"), await enter("narrow")];
    await holder.query("begin");
    await expect(waiter.query("select 1")).rejects.toThrow(/ECHECKOUTTIMEOUT|too many connections/);
    expect(await wide()).toEqual(before);
  });

  it("is shared by pools of several workers, wherever those with servers to spare are", async () => {
    await start(3);
    await takeAll(2);
    // Of another pool, and of the same pool in another worker.
    for (const client of await Promise.all([login("beside", 0), login("postgres", 1)]))
      expect(await one(client)).toEqual([{ one: 1 }]);
  });
});
