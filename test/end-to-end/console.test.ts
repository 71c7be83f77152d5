import { type Fleet, startFleet } from "@sluice/local/fleet";
import { formatVerifier, makeVerifier } from "@sluice/shared/secrets";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { eventually } from "../support/eventually.js";
import { connectTo, endOf, putTenant, served } from "../support/tenant-api.js";
import { missing, runTool, type ToolOutcome } from "../support/tools.js";

const LOGIN = { password: "postgres" };
const PASSWORD = "a long enough password";

describe.skipIf(missing("psql"))("the console of a data plane with two workers", () => {
  const postgres = inject("postgres");
  let fleet: Fleet;

  beforeAll(async () => {
    const verifier = formatVerifier(await makeVerifier(PASSWORD));
    fleet = await startFleet({
      postgres,
      dataPlaneEnvironment: {
        CONSOLE_USERS: `ann:write:${PASSWORD},bob:read:${verifier}`,
        CONSOLE_PORT: "0",
        DATA_PLANE_WORKERS: "2",
      },
    });
    for (const id of ["calm", "other"]) {
      const tenant = {
        db_host: "127.0.0.1",
        db_port: postgres.port,
        db_database: "postgres",
        require_user: true,
        users: [
          {
            db_user: "postgres",
            db_password: "postgres",
            pool_size: 4,
            mode_type: "transaction",
            is_manager: true,
            pool_checkout_timeout: 20_000,
          },
        ],
      };
      expect((await putTenant(fleet, id, tenant)).status).toBe(201);
      await served(fleet, id, LOGIN);
    }
  });
  afterAll(() => fleet?.stop());

  function psql(user: string, commands: string, password = PASSWORD): Promise<ToolOutcome> {
    const url = `postgresql://${user}@127.0.0.1:${fleet.dataPlane.ports.console}/sluice`;
    return runTool("psql", ["-X", "-A", "-F", "|", "-v", "VERBOSITY=verbose", "-c", commands, url], {
      env: { PGPASSWORD: password },
    });
  }

  /** Rows by column name. */
  async function show(what: string): Promise<Readonly<Record<string, string>>[]> {
    const { stdout, stderr, code } = await psql("bob", `SHOW ${what}`);
    expect([stderr, code]).toEqual(["", 0]);
    const [header = "", ...lines] = stdout.trimEnd().split("\n");
    const columns = header.split("|");
    return lines
      .filter((line) => !/^\(\d+ rows?\)$/.test(line))
      .map((line) => Object.fromEntries(line.split("|").map((cell, i) => [columns[i] ?? "", cell])));
  }

  async function withClients<T>(
    tenant: string,
    count: number,
    act: (clients: pg.Client[]) => Promise<T>,
  ): Promise<T> {
    const clients = await Promise.all(Array.from({ length: count }, () => connectTo(fleet, tenant, LOGIN)));
    try {
      return await act(clients);
    } finally {
      await Promise.allSettled(clients.map((client) => client.end()));
    }
  }

  it("shows pools, clients, servers, stats and tenants over all workers", async () => {
    await withClients("calm", 6, async (clients) => {
      await clients[0]?.query("begin");
      const found = await eventually("six clients", async () => {
        const rows = (await show("CLIENTS")).filter(({ tenant }) => tenant === "calm");
        return rows.length === 6 ? rows : undefined;
      });
      expect(found.filter(({ state }) => state === "active")).toHaveLength(1);
      expect(found[0]).toMatchObject({
        type: "C",
        user: "postgres",
        database: "postgres",
        addr: "127.0.0.1",
      });
      expect(new Set(found.map(({ id }) => id)).size).toBe(6);
      const pool = await eventually("the pool's figures", async () => {
        const rows = await show("POOLS");
        return rows.find((row) => row.tenant === "calm" && row.cl_active === "6" && row.sv_active === "1");
      });
      expect(pool).toMatchObject({ pool_mode: "transaction", cl_waiting: "0", pool_size: "4" });
      const servers = (await show("SERVERS")).filter(({ tenant }) => tenant === "calm");
      expect(servers.filter(({ state }) => state === "leased")).toHaveLength(1);
      expect(servers[0]).toMatchObject({ type: "S", addr: "127.0.0.1", port: String(postgres.port) });
    });
    const stats = (await show("STATS")).find(({ tenant }) => tenant === "calm");
    expect(Number(stats?.total_query_count)).toBeGreaterThan(0);
    expect((await show("TENANTS")).map(({ name, paused }) => [name, paused])).toEqual([
      ["calm", "0"],
      ["other", "0"],
    ]);
    expect(await show("WORKERS")).toHaveLength(2);
    expect((await show("LISTS")).find(({ list }) => list === "workers")).toEqual({
      list: "workers",
      items: "2",
    });
  });

  it("shows the configuration, nothing secret in it, and the bundle", async () => {
    const config = await show("CONFIG");
    expect(config).toContainEqual({ key: "DATA_PLANE_WORKERS", value: "2", changeable: "no" });
    expect(config).toContainEqual({ key: "CONSOLE_USERS", value: "ann,bob", changeable: "no" });
    expect(JSON.stringify(config)).not.toMatch(/SCRAM|a long enough|eyJ/);
    const bundle = Object.fromEntries((await show("BUNDLE")).map(({ key, value }) => [key, value]));
    expect(bundle).toMatchObject({ control_plane: "followed", tenants: "2" });
    expect((await show("VERSION"))[0]?.version).toMatch(/^Sluice \d/);
    expect((await show("HELP")).length).toBeGreaterThan(10);
  });

  it("lets nobody in with a wrong password, and a tenant's user not at all", async () => {
    for (const [user, password] of [
      ["ann", "wrong"],
      ["nobody", PASSWORD],
      ["postgres", "postgres"],
      ["postgres.calm", "postgres"],
    ] as const) {
      const { stderr, code } = await psql(user, "SHOW POOLS", password);
      expect([code, stderr]).toEqual([2, expect.stringContaining("password authentication failed")]);
    }
  });

  it("parts the rights to read and to write, and says what it does not know", async () => {
    for (const command of ["PAUSE", "RESUME calm", "KILL calm", "RECONNECT", "KILL_CLIENT 0-1"])
      expect((await psql("bob", command)).stderr).toMatch(/42501.*needs the right to write/);
    expect((await psql("ann", "SELECT 1")).stderr).toMatch(/42601.*unknown command/);
    expect((await psql("ann", "KILL")).stderr).toMatch(/42601/);
    expect((await psql("ann", "KILL_CLIENT 99-99")).stderr).toMatch(/42704.*no client "99-99"/);
    expect((await psql("ann", "RELOAD")).stderr).toMatch(/0A000.*no RELOAD here/);
    expect((await psql("ann", "PAUSE nowhere")).stderr).toMatch(/3D000.*no tenant "nowhere"/);
    const { stdout, code } = await psql("ann", "SHOW VERSION; SHOW LISTS");
    expect([code, stdout]).toEqual([0, expect.stringMatching(/Sluice[\s\S]*workers/)]);
  });

  it("pauses a tenant without an error for its clients, and resumes it; others go on", async () => {
    await withClients("calm", 4, async (clients) => {
      await Promise.all(clients.map((client) => client.query("select 1")));
      expect((await psql("ann", "PAUSE calm")).stdout).toContain("PAUSE");
      expect((await show("SERVERS")).filter(({ tenant }) => tenant === "calm")).toEqual([]);
      expect((await show("TENANTS")).map(({ paused }) => paused)).toEqual(["1", "0"]);
      const waits = Promise.all(clients.map((client) => client.query("select 2")));
      await eventually("four that wait", async () => {
        const rows = await show("CLIENTS");
        return rows.filter(({ tenant, state }) => tenant === "calm" && state === "waiting").length === 4;
      });
      await withClients("other", 1, ([client]) => client?.query("select 1") ?? Promise.resolve(undefined));
      expect((await psql("ann", "RESUME calm")).stdout).toContain("RESUME");
      expect((await waits).map(({ rowCount }) => rowCount)).toEqual([1, 1, 1, 1]);
    });
  });

  it("resumes one tenant of a pause of all by no half: it says that all are paused", async () => {
    await psql("ann", "PAUSE");
    expect((await psql("ann", "RESUME calm")).stderr).toMatch(
      /55000.*all tenants are paused, "calm" with them/,
    );
    expect((await show("TENANTS")).map(({ paused }) => paused)).toEqual(["1", "1"]);
    expect((await psql("ann", "RESUME")).stdout).toContain("RESUME");
    expect((await show("TENANTS")).map(({ paused }) => paused)).toEqual(["0", "0"]);
  });

  it("opens servers anew after RECONNECT, at the end of their transaction", async () => {
    await withClients("calm", 1, async ([client]) => {
      const pid = async (): Promise<unknown> =>
        (await client?.query("select pg_backend_pid() as pid"))?.rows[0]?.pid;
      await client?.query("begin");
      const before = await pid();
      await psql("ann", "RECONNECT calm");
      expect(await pid()).toBe(before);
      await client?.query("commit");
      await eventually("another server", async () => (await pid()) !== before);
    });
  });

  it("ends one client, or a tenant's clients and servers, and then makes them wait", async () => {
    await withClients("calm", 2, async ([first, second]) => {
      if (first === undefined || second === undefined) throw new Error("no clients");
      const port = (client: pg.Client): string =>
        String(
          (client as unknown as { connection: { stream: { localPort: number } } }).connection.stream
            .localPort,
        );
      const row = (await show("CLIENTS")).find((each) => each.port === port(first));
      const ended = endOf(first);
      await psql("ann", `KILL_CLIENT ${row?.id}`);
      expect((await ended).code).toBe("57P01");
      await second.query("select 1");
      const killed = endOf(second);
      await psql("ann", "KILL calm");
      expect((await killed).code).toBe("57P01");
      expect((await show("SERVERS")).filter(({ tenant }) => tenant === "calm")).toEqual([]);
      const waits = connectTo(fleet, "calm", LOGIN).then((client) =>
        client.query("select 1").then(() => client.end()),
      );
      await psql("ann", "RESUME calm");
      await waits;
    });
  });

  it("keeps a pause when a worker is replaced", async () => {
    await psql("ann", "PAUSE other");
    const [worker] = await show("WORKERS");
    process.kill(Number(worker?.pid), "SIGKILL");
    await eventually("two workers again", async () => {
      const pids = (await show("WORKERS")).map(({ pid }) => pid);
      return pids.length === 2 && !pids.includes(worker?.pid ?? "");
    });
    expect((await show("TENANTS")).find(({ name }) => name === "other")?.paused).toBe("1");
    const client = connectTo(fleet, "other", LOGIN);
    await psql("ann", "RESUME");
    await (await client).end();
  });

  it("tells the log who ordered what", () => {
    const lines = fleet.logs().split("\n");
    const orders = lines.filter((line) => line.includes("console order"));
    expect(
      orders.some((line) => /"order":"KILL".*"user":"ann"|"user":"ann".*"order":"KILL"/.test(line)),
    ).toBe(true);
    expect(fleet.logs()).not.toContain(PASSWORD);
  });
});
