import type pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { createDatabase, type Database } from "../../support/database.js";
import { connectAt, failureOf } from "../../support/edge-client.js";
import { eventually } from "../../support/eventually.js";
import { cstring, message } from "../../support/protocol.js";
import { RawClient } from "../../support/raw-client.js";
import { RawServer } from "../../support/raw-server.js";
import { endOf } from "../../support/tenant-api.js";
import { Edge, type EdgeTenant, type EdgeUser, tenantOn } from "../login/edge.js";

describe("limits on servers", () => {
  const server = inject("postgres");
  const clients: pg.Client[] = [];
  let direct: pg.Client;
  let database: Database;
  let second: Database;
  let edge: Edge;
  let raw: RawServer | undefined;

  beforeAll(async () => {
    edge = await Edge.start();
    direct = await connectAt(server.port, { user: server.user, password: server.password });
  });
  beforeEach(async () => {
    [database, second] = await Promise.all([createDatabase(), createDatabase()]);
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.end().catch(() => undefined)));
    await raw?.stop();
    raw = undefined;
    await Promise.all([database.drop(), second.drop()]);
  });
  afterAll(async () => {
    await edge?.stop();
    await direct?.end();
  });

  const user = (change: Partial<EdgeUser> = {}): EdgeUser => ({
    name: server.user,
    password: server.password,
    manager: true,
    ...change,
  });
  const connect = async (
    id: string,
    {
      mode = "transaction",
      on = database,
      at = edge,
      ...login
    }: {
      mode?: "transaction" | "session";
      on?: Database;
      at?: Edge;
      options?: string;
      applicationName?: string;
    } = {},
  ): Promise<pg.Client> => {
    const client = await connectAt(mode === "transaction" ? at.port : at.sessionPort, {
      user: `${server.user}.${id}`,
      password: server.password,
      database: on.database,
      ...login,
    });
    clients.push(client);
    return client;
  };
  const servers = async (): Promise<number> => {
    const { rows } = await direct.query<{ n: number }>(
      "select count(*)::int as n from pg_stat_activity where datname = any($1) and backend_type = 'client backend'",
      [[database.database, second.database]],
    );
    return rows[0]?.n ?? 0;
  };

  it("max_server_connections bounds all pools of a tenant together, and each gets its turn", async () => {
    await edge.put("bounded", tenantOn(server, { maxServerConnections: 3, users: [user({ poolSize: 10 })] }));
    const many = await Promise.all(
      Array.from({ length: 12 }, (_, number) =>
        connect("bounded", { on: number % 2 === 0 ? database : second }),
      ),
    );
    let most = 0;
    let watching = true;
    const watched = (async () => {
      while (watching) most = Math.max(most, await servers());
    })();
    await Promise.all(
      many.map(async (client) => {
        for (let round = 0; round < 20; round++) await client.query("select pg_sleep(0.005)");
      }),
    );
    watching = false;
    await watched;
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(3);
  });

  it("REGION_DATA_PLANES divides pool_size and max_server_connections, rounded up", async () => {
    const shared = await Edge.start({ worker: { regionDataPlanes: 3 } });
    try {
      const open = async (limit: number, tenant: Partial<EdgeTenant>): Promise<number> => {
        await shared.put("divided", tenantOn(server, tenant));
        // Those of an earlier limit have been told to go; their backends end a moment later.
        await eventually("no server is beyond the limit", async () => (await servers()) <= limit);
        const many = await Promise.all(Array.from({ length: 6 }, () => connect("divided", { at: shared })));
        let running = true;
        const run = Promise.all(many.map((client) => client.query("select pg_sleep(0.3)"))).finally(() => {
          running = false;
        });
        let most = 0;
        while (running) most = Math.max(most, await servers());
        await run;
        await Promise.all(clients.splice(0).map((client) => client.end()));
        return most;
      };
      expect(await open(2, { users: [user({ poolSize: 5 })] })).toBe(2);
      expect(await open(1, { users: [user({ poolSize: 30 })], maxServerConnections: 3 })).toBe(1);
    } finally {
      await shared.stop();
    }
  });

  it("min_pool_size is kept while there are clients, and made good after a server has died", async () => {
    await edge.put("kept", tenantOn(server, { minPoolSize: 3, users: [user({ poolSize: 5 })] }));
    const client = await connect("kept");
    await client.query("select 1");
    await eventually("three servers", async () => (await servers()) === 3, { timeoutMs: 10_000 });
    await direct.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", [
      database.database,
    ]);
    await eventually("none of them", async () => (await servers()) === 3, { timeoutMs: 10_000 });
    expect((await client.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  });

  it("min_pool_size opens no more than pool_size and max_server_connections allow", async () => {
    for (const [id, change] of Object.entries({
      small: { users: [user({ poolSize: 2 })] },
      shared: { users: [user({ poolSize: 20 })], maxServerConnections: 2 },
    })) {
      await edge.put(id, tenantOn(server, { minPoolSize: 6, ...change }));
      const client = await connect(id);
      await client.query("select 1");
      await eventually("two servers", async () => (await servers()) === 2);
      let most = 0;
      // As long as it would take to open others.
      const looks = client.query("select pg_sleep(1)").finally(() => {
        looking = false;
      });
      let looking = true;
      while (looking) most = Math.max(most, await servers());
      await looks;
      expect(most).toBe(2);
      await client.end();
      await edge.put(id, tenantOn(server, { serverIdleTimeoutMs: 1, ...change }));
      await eventually("none of them", async () => (await servers()) === 0);
    }
  });

  it("places of clients come back from logins that fail behind their password, however they fail", async () => {
    const put = (change: Partial<EdgeTenant>) =>
      edge.put(
        "places",
        tenantOn(server, { defaultMaxClients: 1, users: [user({ maxClients: 1, poolSize: 1 })], ...change }),
      );
    await put({});
    const fails = async (code: string, ...login: Parameters<typeof connect>): Promise<void> => {
      for (let round = 0; round < 3; round++)
        expect(await failureOf(connect(...login))).toMatchObject({ code });
    };
    await fails("3D000", "places", { on: { ...database, database: "not_there" } });
    await fails("22023", "places", { options: "-c work_mem=nonsense" });
    await fails("42704", "places", { options: "-c not_a_parameter=1" });
    await put({ dbPort: 1 });
    await fails("08006", "places", { mode: "session" });
    await put({});
    const last = await connect("places");
    expect((await last.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    // And the limit is one, all the while.
    await fails("53300", "places");
  });

  it.each([
    "transaction",
    "session",
  ] as const)("query_timeout counts while a query runs, and neither between queries nor between transactions: %s mode", async (mode) => {
    await edge.put("timed", tenantOn(server, { queryTimeoutMs: 1500 }));
    const client = await connect("timed", { mode });
    const longerThanThat = () => direct.query("select pg_sleep(2)");
    await client.query("begin");
    await longerThanThat();
    // Each of them is shorter, and together they are not.
    for (let n = 0; n < 4; n++) await client.query("select pg_sleep(0.5)");
    await client.query("commit");
    await longerThanThat();
    expect(await failureOf(client.query("select pg_sleep(60)"))).toMatchObject({ code: "57014" });
    expect((await client.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  });

  it.each([
    "transaction",
    "session",
  ] as const)("client_idle_timeout begins anew with each query, and does not count while one runs: %s mode", async (mode) => {
    await edge.put("waking", tenantOn(server, { clientIdleTimeoutMs: 2000 }));
    const client = await connect("waking", { mode });
    const ended = endOf(client);
    for (let n = 0; n < 4; n++) {
      await client.query("select 1");
      await direct.query("select pg_sleep(0.7)");
    }
    await client.query("select pg_sleep(2.5)");
    expect((await client.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    expect(await ended).toMatchObject({ code: "57P05" });
  });

  it("server_connect_timeout ends a connect that hangs: before and inside the login", async () => {
    raw = await RawServer.start(async (connection) => {
      await connection.packet();
    });
    await edge.put("hangs", tenantOn(server, { dbPort: raw.port, serverConnectTimeoutMs: 300 }));
    const failure = await failureOf(connect("hangs", { mode: "session" }));
    expect(failure).toMatchObject({ code: "08006", severity: "FATAL" });
    expect(failure.message).toContain("timeout");
  });

  it("pool_checkout_timeout of 100 ms does not count the opening of the first server", async () => {
    raw = await RawServer.start(async (connection) => {
      await connection.packet();
      await new Promise((resolve) => setTimeout(resolve, 600));
      connection.greet();
      for (;;) {
        await connection.expect("Q");
        connection.send(message("C", cstring("SELECT 0")), message("Z", Buffer.from("I")));
      }
    });
    const users = [user({ checkoutTimeoutMs: 100, poolSize: 1 })];
    await edge.put("far", tenantOn(server, { dbPort: raw.port, users }));
    const first = await connect("far", { mode: "session" });
    // It holds the only server: now the time counts.
    const failure = await failureOf(connect("far", { mode: "session" }));
    expect(failure).toMatchObject({ code: "53300", severity: "FATAL" });
    expect(failure.message).toContain("after 100ms in Session mode");
    await first.end();
  });

  it("a client that goes while it waits for a server leaves the queue, and the place goes to the next", async () => {
    await edge.put("queue", tenantOn(server, { users: [user({ poolSize: 1, checkoutTimeoutMs: 20_000 })] }));
    const holder = await connect("queue", { mode: "session" });
    const gone = await RawClient.connect(edge.sessionPort);
    const login = gone.logIn({ user: `${server.user}.queue`, database: database.database }, server);
    login.catch(() => undefined);
    const next = connect("queue", { mode: "session" });
    gone.socket.destroy();
    await holder.end();
    expect((await (await next).query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  });

  it("application_name_add_host shows where a client comes from", async () => {
    await edge.put("hosts", tenantOn(server, { applicationNameAddHost: true }));
    for (const mode of ["transaction", "session"] as const) {
      const named = await connect("hosts", { mode, applicationName: "web" });
      const { rows } = await named.query<{ application_name: string }>("show application_name");
      expect(rows[0]?.application_name).toMatch(/^web - 127\.0\.0\.1:\d+$/);
      const unnamed = await connect("hosts", { mode });
      const other = await unnamed.query<{ application_name: string }>("show application_name");
      expect(other.rows[0]?.application_name).toMatch(/^app - 127\.0\.0\.1:\d+$/);
    }
  });
});
