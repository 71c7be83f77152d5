import { type Fleet, type FleetDataPlane, startFleet } from "@sluice/local/fleet";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { createDatabase, type Database } from "../support/database.js";
import { eventually } from "../support/eventually.js";
import { HaProxy } from "../support/haproxy.js";
import { putTenant, served } from "../support/tenant-api.js";
import { missing, runTool } from "../support/tools.js";

/** Of one run of pgbench; there is one after the other, until all is over. */
const RUN_S = 3;
/** Of the application that keeps its connections. */
const CONNECTIONS = 4;

const without = (["pgbench", "haproxy"] as const).filter((tool) => missing(tool));
const why = without.length === 0 ? "" : ` (skipped: no ${without.join(", no ")})`;

describe.skipIf(without.length > 0)(
  `two data planes behind HAProxy, restarted one after the other${why}`,
  () => {
    const server = inject("postgres");
    const planes: FleetDataPlane[] = [];
    let fleet: Fleet;
    let database: Database;
    let proxy: HaProxy;

    beforeAll(async () => {
      database = await createDatabase();
      fleet = await startFleet({
        postgres: server,
        dataPlaneEnvironment: {
          DATA_PLANE_WORKERS: "2",
          // HAProxy asks five times a second; it has turned away when the port closes.
          DRAIN_DELAY_MS: "2500",
          DRAIN_TIMEOUT_MS: "6000",
          PROXY_PROTOCOL: "optional",
          TRUSTED_LB_RANGES: "127.0.0.0/8",
        },
      });
      planes.push(fleet.dataPlane, await fleet.addDataPlane("data-plane-2"));
      await putTenant(fleet, "t", {
        db_host: "127.0.0.1",
        db_port: server.port,
        db_database: database.database,
        require_user: true,
        users: [{ db_user: "postgres", db_password: server.password, pool_size: 5, max_clients: 100 }],
      });
      await served(fleet, "t", { password: server.password, database: database.database });
      proxy = await HaProxy.start({
        servers: planes.map(({ ports }) => ports.transaction),
        readinessPorts: planes.map(({ ports }) => ports.operations),
        sendProxy: 2,
      });
    });
    afterAll(async () => {
      await proxy?.stop();
      await fleet?.stop();
      await database?.drop();
    });

    const ready = async ({ ports }: FleetDataPlane): Promise<boolean> => {
      try {
        return (await fetch(`http://127.0.0.1:${ports.operations}/readyz`)).ok;
      } catch {
        return false;
      }
    };
    const restartAll = async (): Promise<void> => {
      for (const plane of planes) {
        await plane.stop();
        expect(await plane.ended).toBe("exit code 0");
        await plane.start();
        await eventually(`${plane.pid} is ready`, () => ready(plane), { timeoutMs: 20_000 });
        // HAProxy has to have seen it, too, before the other one goes.
        await eventually("HAProxy knows it", async () => (await connections(plane)) > 0, {
          timeoutMs: 20_000,
        });
      }
    };
    const connections = async ({ ports }: FleetDataPlane): Promise<number> => {
      const text = await (await fetch(`http://127.0.0.1:${ports.operations}/metrics`)).text();
      return Number(/^sluice_logins_total\{[^}]*outcome="ok"[^}]*\} (\d+)$/m.exec(text)?.[1] ?? 0);
    };

    /** Keeps its connections, and opens another where one was told to go. */
    async function application(until: () => boolean): Promise<{ acknowledged: number; failures: unknown[] }> {
      const pool = new pg.Pool({
        host: "127.0.0.1",
        port: proxy.port,
        user: "postgres.t",
        password: server.password,
        database: database.database,
        max: CONNECTIONS,
        connectionTimeoutMillis: 20_000,
      });
      pool.on("error", () => undefined);
      const failures: unknown[] = [];
      let acknowledged = 0;
      const work = async (worker: number): Promise<void> => {
        for (let turn = 0; !until(); turn++) {
          try {
            const client = await pool.connect();
            try {
              await client.query("begin");
              await client.query("insert into acknowledged values ($1, $2)", [worker, turn]);
              await client.query("commit");
              acknowledged += 1;
            } finally {
              client.release();
            }
          } catch (error) {
            failures.push(error);
          }
          // As an application: a page, and a reader who looks at it.
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 2500));
        }
      };
      await Promise.all(Array.from({ length: 2 * CONNECTIONS }, (_, worker) => work(worker)));
      await pool.end();
      return { acknowledged, failures };
    }

    /** A connection for each transaction. @returns how many there were; each has to have come to its end */
    async function pgbenchUntil(over: () => boolean): Promise<number> {
      const through = `host=127.0.0.1 port=${proxy.port} user=postgres.t password=${server.password} dbname=${database.database} sslmode=require`;
      let processed = 0;
      while (!over()) {
        const { code, stdout, stderr } = await runTool(
          "pgbench",
          ["-n", "-C", "-c", "4", "-j", "2", "-T", String(RUN_S), "-b", "tpcb-like", through],
          { timeoutMs: 60_000 },
        );
        expect([code, stderr.replace(/^pgbench \(.*\n/m, "")]).toEqual([0, ""]);
        expect(stdout).toMatch(/number of failed transactions: 0 /);
        processed += Number(/transactions actually processed: (\d+)/.exec(stdout)?.[1] ?? 0);
      }
      return processed;
    }

    it("fails no transaction of pgbench, and those of an application that keeps its connections only where they are told to go", async () => {
      expect((await runTool("pgbench", ["-i", "-q", "-s", "1", database.url])).code).toBe(0);
      const direct = new pg.Client(database.url);
      await direct.connect();
      try {
        await direct.query("create table acknowledged (worker int, turn int, primary key (worker, turn))");
        let over = false;
        const load = pgbenchUntil(() => over);
        const kept = application(() => over);
        try {
          // Should a run of pgbench fail, that is what is told.
          await Promise.race([restartAll(), load]);
        } finally {
          over = true;
        }
        const processed = await load;
        expect(processed).toBeGreaterThan(50);
        const { rows: history } = await direct.query("select count(*)::int as n from pgbench_history");
        expect(history).toEqual([{ n: processed }]);
        const { acknowledged, failures } = await kept;
        // Who happened to ask at the very moment was told so, and was not served: it may ask again.
        for (const failure of failures) expect(failure).toMatchObject({ code: "57P01" });
        expect(failures.length).toBeLessThanOrEqual(CONNECTIONS);
        const { rows } = await direct.query("select count(*)::int as n from acknowledged");
        expect(rows).toEqual([{ n: acknowledged }]);
      } finally {
        await direct.end();
      }
    });
  },
);
