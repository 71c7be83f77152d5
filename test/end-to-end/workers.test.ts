import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { promisify } from "node:util";
import { type Fleet, startFleet } from "@sluice/local/fleet";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { createDatabase } from "../support/database.js";
import { eventually } from "../support/eventually.js";
import { RawClient } from "../support/raw-client.js";
import { connectTo, endOf, type Login, putTenant, served } from "../support/tenant-api.js";

const run = promisify(execFile);
const WORKERS = 3;
const POOL_SIZE = 5;

describe("a data plane of several workers", () => {
  const server = inject("postgres");
  let fleet: Fleet;
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let direct: pg.Client;
  let login: Login;

  beforeAll(async () => {
    database = await createDatabase();
    login = { password: server.password, database: database.database };
    direct = new pg.Client(database.url);
    await direct.connect();
    fleet = await startFleet({
      postgres: server,
      dataPlaneEnvironment: { DATA_PLANE_WORKERS: String(WORKERS) },
    });
    await tenant("t");
  });
  afterAll(async () => {
    await direct?.end();
    await fleet?.stop();
  });

  async function tenant(id: string, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const { status, body } = await putTenant(fleet, id, {
      db_host: "127.0.0.1",
      db_port: server.port,
      db_database: database.database,
      require_user: true,
      users: [{ db_user: "postgres", db_password: server.password, pool_size: POOL_SIZE }],
      ...more,
    });
    if (status !== 201 && status !== 200) throw new Error(JSON.stringify(body));
    await served(fleet, id, id === "t" ? login : { password: server.password });
  }

  const workers = (): number[] => childrenOf(fleet.dataPlane.pid);
  const health = (): string => `http://127.0.0.1:${fleet.dataPlane.ports.operations}/livez`;
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${fleet.dataPlane.ports.operations}/metrics`)).text();
    return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "m").exec(text)?.[1]);
  };
  const backends = async (): Promise<number> => {
    const { rowCount } = await direct.query(
      "select 1 from pg_stat_activity where datname = $1 and pid <> pg_backend_pid() and backend_type = 'client backend'",
      [database.database],
    );
    return rowCount ?? 0;
  };
  const pgbench = (...more: readonly string[]): Promise<{ stdout: string; stderr: string }> =>
    run(
      "pgbench",
      [
        "-n",
        "-S",
        "-c",
        "24",
        "-j",
        "2",
        ...more,
        "-h",
        "127.0.0.1",
        "-p",
        String(fleet.dataPlane.ports.transaction),
      ].concat(["-U", "postgres.t", database.database]),
      { env: { ...process.env, PGPASSWORD: server.password } },
    );

  it("spreads clients over its workers, and its figures are the sum", async () => {
    expect(workers()).toHaveLength(WORKERS);
    const clients = await Promise.all(Array.from({ length: 12 }, () => connectTo(fleet, "t", login)));
    await eventually("all are counted", async () => (await metric("sluice_clients")) === 12);
    expect(await metric("sluice_workers")).toBe(WORKERS);
    expect(await metric("sluice_workers_wanted")).toBe(WORKERS);
    await Promise.all(clients.map((client) => client.end()));
  });

  it.skipIf(process.platform !== "linux")(
    "never has more servers than pool_size over all of them, while 24 clients of pgbench are served",
    async () => {
      await run("pgbench", ["-i", "-q", "-s", "1", "-d", database.url]);
      await eventually("its own connection is gone", async () => (await backends()) <= POOL_SIZE);
      const counts: number[] = [];
      let running = true;
      const watching = (async () => {
        while (running) counts.push(await backends());
      })();
      const { stdout, stderr } = await pgbench("-T", "4");
      running = false;
      await watching;
      expect(stdout + stderr).toMatch(/number of failed transactions: 0 /);
      expect(Math.max(...counts)).toBeLessThanOrEqual(POOL_SIZE);
      expect(Math.max(...counts)).toBeGreaterThan(1);
    },
  );

  it("serves clients of every worker from a pool of one server", async () => {
    await tenant("small", { users: [{ db_user: "postgres", db_password: server.password, pool_size: 1 }] });
    const clients = await Promise.all(
      Array.from({ length: 6 }, () => connectTo(fleet, "small", { password: server.password })),
    );
    const served = await Promise.all(
      clients.map(async (client) => {
        for (let i = 0; i < 20; i++) await client.query("select 1");
        return true;
      }),
    );
    expect(served).toHaveLength(6);
    await Promise.all(clients.map((client) => client.end()));
  });

  it.skipIf(process.platform !== "linux")(
    "closes who was on the way to a worker that is killed, rather than let them wait for ever",
    async () => {
      const killed = workers();
      for (const pid of killed) process.kill(pid, "SIGSTOP");
      const arriving = await Promise.all(
        Array.from({ length: 2 * WORKERS }, () => RawClient.connect(fleet.dataPlane.ports.transaction)),
      );
      // Whoever has the ports: they are on the way by now.
      await eventually("all are accepted", async () => (await fetch(health())).ok);
      for (const pid of killed) process.kill(pid, "SIGKILL");
      await Promise.all(
        arriving.map((client) =>
          client.rest().catch((error: unknown) => {
            if (!/ECONNRESET/.test(String(error))) throw error;
          }),
        ),
      );
      await eventually(
        "others are in their place",
        async () => (await metric("sluice_workers")) === WORKERS,
        {
          timeoutMs: 20_000,
        },
      );
    },
  );

  it.skipIf(process.platform !== "linux")(
    "goes on when a worker is killed: its clients are closed, others stay, no permit is lost, another takes its place",
    async () => {
      const clients = await Promise.all(Array.from({ length: 30 }, () => connectTo(fleet, "t", login)));
      await Promise.all(clients.map((client) => client.query("select pg_sleep(0.05)")));
      const ends = clients.map((client) => endOf(client).then(() => client));
      const before = workers();
      process.kill(before[0] ?? 0, "SIGKILL");
      const closed = await Promise.race(ends);
      expect(closed).toBeDefined();
      await eventually(
        "another worker",
        () => {
          const now = workers();
          return now.length === WORKERS && !now.includes(before[0] ?? 0);
        },
        { timeoutMs: 20_000 },
      );
      const gone = new Set<pg.Client>();
      for (const end of ends) void end.then((client) => gone.add(client));
      await eventually("it takes clients", async () => (await metric("sluice_workers")) === WORKERS, {
        timeoutMs: 20_000,
      });
      const left = clients.filter((client) => !gone.has(client));
      expect(left.length).toBeGreaterThan(0);
      expect(left.length).toBeLessThan(30);
      for (const client of left) expect((await client.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
      // As many at once as there are servers: the whole pool is there again.
      const more = await Promise.all(Array.from({ length: POOL_SIZE }, () => connectTo(fleet, "t", login)));
      await Promise.all(more.map((client) => client.query("begin")));
      expect(await backends()).toBe(POOL_SIZE);
      await Promise.all([...left, ...more].map((client) => client.end()));
    },
  );

  it("drains all of them on SIGTERM, open transactions first", async () => {
    const idle = await Promise.all(Array.from({ length: 6 }, () => connectTo(fleet, "t", login)));
    const busy = await Promise.all(Array.from({ length: 3 }, () => connectTo(fleet, "t", login)));
    await Promise.all(busy.map((client) => client.query("begin")));
    const idleEnds = idle.map(endOf);
    const busyEnds = busy.map(endOf);
    const stopped = fleet.dataPlane.stop();
    for (const end of await Promise.all(idleEnds)) expect(end).toMatchObject({ code: "57P01" });
    await Promise.all(busy.map((client) => client.query("commit")));
    for (const end of await Promise.all(busyEnds)) expect(end).toMatchObject({ code: "57P01" });
    await stopped;
    expect(await fleet.dataPlane.ended).toBe("exit code 0");
  });
});

describe("a data plane of one worker", () => {
  const server = inject("postgres");
  let fleet: Fleet;

  afterAll(async () => {
    await fleet?.stop();
  });

  it("keeps its ports when that worker is killed: who comes meanwhile waits, and is served; then it drains", async () => {
    fleet = await startFleet({ postgres: server, dataPlaneEnvironment: { DATA_PLANE_WORKERS: "1" } });
    const login = { password: server.password };
    const { status } = await putTenant(fleet, "t", {
      db_host: "127.0.0.1",
      db_port: server.port,
      db_database: "postgres",
      require_user: true,
      users: [{ db_user: "postgres", db_password: server.password, pool_size: 2 }],
    });
    expect(status).toBe(201);
    await served(fleet, "t", login);
    const first = await connectTo(fleet, "t", login);
    const ended = endOf(first);
    const worker = childrenOf(fleet.dataPlane.pid)[0] ?? 0;
    process.kill(worker, "SIGKILL");
    await ended;
    // Until it is gone for good the kernel still answers on its behalf.
    await eventually("it is gone", () => !childrenOf(fleet.dataPlane.pid).includes(worker));
    await eventually("the port is open again", () => reaches(fleet.dataPlane.ports.transaction));
    const next = await connectTo(fleet, "t", login);
    expect(childrenOf(fleet.dataPlane.pid)).not.toContain(worker);
    expect((await next.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    const end = endOf(next);
    const stopped = fleet.dataPlane.stop();
    expect(await end).toMatchObject({ code: "57P01" });
    expect(await reaches(fleet.dataPlane.ports.transaction)).toBe(false);
    await stopped;
    expect(await fleet.dataPlane.ended).toBe("exit code 0");
  });
});

/** Processes whose parent this is. */
function childrenOf(parent: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8").replace(/^.*\) \S/, "");
        return / (\d+) /.exec(stat)?.[1] === String(parent);
      } catch {
        return false;
      }
    })
    .map(Number);
}

function reaches(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
