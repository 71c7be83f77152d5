import { type Fleet, startFleet } from "@sluice/local/fleet";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { createDatabase } from "../support/database.js";
import { eventually } from "../support/eventually.js";
import { callApi, connectTo, endOf, putTenant, served } from "../support/tenant-api.js";

describe("timeouts and orders of a tenant", () => {
  const server = inject("postgres");
  const login = { password: server.password };
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await startFleet({ postgres: server });
  });
  afterAll(async () => {
    await fleet?.stop();
  });

  /** Made, or changed, and in force. */
  async function tenant(id: string, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const { status, body } = await putTenant(fleet, id, {
      db_host: "127.0.0.1",
      db_port: server.port,
      db_database: "postgres",
      require_user: true,
      users: [{ db_user: "postgres", db_password: server.password, pool_size: 2 }],
      ...more,
    });
    if (status !== 201 && status !== 200) throw new Error(JSON.stringify(body));
    await served(fleet, id, login);
  }

  const pidOf = async (client: pg.Client): Promise<number> =>
    (await client.query<{ pid: number }>("select pg_backend_pid() as pid")).rows[0]?.pid ?? 0;

  for (const mode of ["transaction", "session"] as const) {
    it(`ends an idle client with 57P05, in ${mode} mode`, async () => {
      await tenant(`idle_${mode}`, { client_idle_timeout: 400 });
      const client = await connectTo(fleet, `idle_${mode}`, { ...login, mode });
      expect(await endOf(client)).toMatchObject({ code: "57P05" });
    });

    it(`ends a transaction in which nothing is asked with 25P03, and leaves others alone, in ${mode} mode`, async () => {
      await tenant(`forgotten_${mode}`, { idle_transaction_timeout: 400 });
      const idle = await connectTo(fleet, `forgotten_${mode}`, { ...login, mode });
      await idle.query("select 1");
      const client = await connectTo(fleet, `forgotten_${mode}`, { ...login, mode });
      await client.query("begin");
      expect(await endOf(client)).toMatchObject({ code: "25P03" });
      expect((await idle.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
      await idle.end();
    });

    it(`cancels a query that runs for too long with 57014, and keeps the connection, in ${mode} mode`, async () => {
      await tenant(`slow_${mode}`, { query_timeout: 400 });
      const client = await connectTo(fleet, `slow_${mode}`, { ...login, mode });
      await expect(client.query("select pg_sleep(100)")).rejects.toMatchObject({ code: "57014" });
      expect((await client.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
      await client.end();
    });

    it(`ends a transaction that lasts for too long with 25P04, in ${mode} mode`, async () => {
      await tenant(`long_${mode}`, { transaction_timeout: 600 });
      const client = await connectTo(fleet, `long_${mode}`, { ...login, mode });
      await client.query("begin");
      const busy = async (): Promise<never> => {
        for (;;) await client.query("select pg_sleep(0.01)");
      };
      // The driver tells it to the query that runs, or where none does to the client.
      const [atClient, atQuery] = await Promise.all([
        endOf(client),
        busy().catch((error: { code?: string }) => error),
      ]);
      expect([atClient.code, atQuery.code]).toContain("25P04");
    });
  }

  it("opens a server anew at the end of its lifetime", async () => {
    await tenant("short_lived", { server_lifetime: 1000, server_idle_timeout: 0 });
    const client = await connectTo(fleet, "short_lived", login);
    const first = await pidOf(client);
    await eventually("another server", async () => (await pidOf(client)) !== first, { timeoutMs: 10_000 });
    await client.end();
  });

  it("terminates sessions at once on an operator's order, whatever runs, and takes new ones", async () => {
    await tenant("terminated");
    const idle = await connectTo(fleet, "terminated", login);
    const busy = await connectTo(fleet, "terminated", { ...login, mode: "session" });
    const pid = await pidOf(busy);
    const ends = [
      expect(endOf(idle)).resolves.toMatchObject({ code: "57P01" }),
      expect(busy.query("select pg_sleep(100)")).rejects.toMatchObject({ code: "57P01" }),
    ];
    const answer = await callApi(fleet, "POST", "/api/tenants/terminated/terminate");
    expect(answer.ok).toBe(true);
    await Promise.all(ends);
    const again = await connectTo(fleet, "terminated", login);
    await eventually("nothing runs on", async () => {
      const { rows } = await again.query("select 1 from pg_stat_activity where pid = $1", [pid]);
      return rows.length === 0;
    });
    await again.end();
  });

  it("makes clients wait while their tenant is paused, without servers, and loses none when it goes on", async () => {
    const database = await createDatabase();
    const direct = new pg.Client(database.url);
    await direct.connect();
    const onDatabase = { ...login, database: database.database };
    const servers = async (): Promise<number> => {
      const { rowCount } = await direct.query(
        "select 1 from pg_stat_activity where datname = $1 and pid <> pg_backend_pid() and backend_type = 'client backend'",
        [database.database],
      );
      return rowCount ?? 0;
    };
    await tenant("paused");
    const clients = await Promise.all([1, 2, 3, 4].map(() => connectTo(fleet, "paused", onDatabase)));
    await Promise.all(clients.map((client) => client.query("select 1")));
    expect(await servers()).toBeGreaterThan(0);
    expect((await callApi(fleet, "POST", "/api/tenants/paused/pause", {})).ok).toBe(true);
    await eventually("its servers are closed", async () => (await servers()) === 0);

    const waiting = clients.map((client) => client.query("select 42 as answer"));
    await eventually("all wait", async () => (await metric("sluice_clients_waiting")) === clients.length);
    expect(await servers()).toBe(0);
    expect((await callApi(fleet, "POST", "/api/tenants/paused/resume", {})).ok).toBe(true);
    for (const each of await Promise.all(waiting)) expect(each.rows).toEqual([{ answer: 42 }]);
    await Promise.all(clients.map((client) => client.end()));
    await direct.end();
    await database.drop();
  });

  async function metric(name: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${fleet.dataPlane.ports.operations}/metrics`)).text();
    return Number(new RegExp(`^${name}\\S* (\\d+)`, "m").exec(text)?.[1] ?? 0);
  }
});
