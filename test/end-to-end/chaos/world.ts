import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Fleet, startFleet } from "@sluice/local/fleet";
import { EmbeddedPostgres } from "@sluice/shared/postgres";
import pg from "pg";
import { eventually } from "../../support/eventually.js";
import type { PostgresCluster } from "../../support/postgres-cluster.js";
import { callApi, putTenant } from "../../support/tenant-api.js";

export type Mode = "transaction" | "session";
export const MODES: readonly Mode[] = ["transaction", "session"];

/** A role for each mode, so that the sessions of its pool can be told from the other's. */
export const ROLE: Readonly<Record<Mode, string>> = { transaction: "in_transaction", session: "in_session" };
export const TENANT = "chaos";
export const PASSWORD = "of-chaos";
export const MOST_SERVERS = 5;
const CHECKOUT_TIMEOUT_MS = 6000;
const WORKERS = 2;
/** While a data plane drains nothing else can be found out. */
const DRAIN_TIMEOUT_MS = 3000;

/** A Postgres that may be killed, and a fleet of real processes in front of it. */
export class World {
  readonly fleet: Fleet;
  readonly #folder: string;
  #postgres: EmbeddedPostgres;
  /** Of the tenant's users, as put last. */
  poolSize = MOST_SERVERS;

  private constructor(folder: string, postgres: EmbeddedPostgres, fleet: Fleet) {
    this.#folder = folder;
    this.#postgres = postgres;
    this.fleet = fleet;
  }

  /** `ours` is a server that nobody breaks: the control plane's. */
  static async start(ours: PostgresCluster): Promise<World> {
    const folder = mkdtempSync("/tmp/sluice-chaos-");
    chmodSync(folder, 0o711);
    const postgres = await startPostgres(folder, 0);
    const fleet = await startFleet({
      postgres: ours,
      dataPlaneEnvironment: {
        DATA_PLANE_WORKERS: String(WORKERS),
        DRAIN_TIMEOUT_MS: String(DRAIN_TIMEOUT_MS),
      },
    });
    const world = new World(folder, postgres, fleet);
    await world.#prepare();
    return world;
  }

  get databasePort(): number {
    return this.#postgres.port;
  }

  get postmaster(): number {
    return this.#postgres.pid;
  }

  /** A connection that is not pooled, of the superuser. */
  async direct(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.#postgres.url(),
      connectionTimeoutMillis: 5000,
      query_timeout: 5000,
      application_name: "chaos",
    });
    client.on("error", () => undefined);
    await client.connect();
    return client;
  }

  /** Processes of the data plane: the primary first. */
  get dataPlanePids(): readonly number[] {
    const primary = this.fleet.dataPlane.pid;
    return [primary, ...childrenOf(primary)];
  }

  get workerPids(): readonly number[] {
    return childrenOf(this.fleet.dataPlane.pid);
  }

  get backendPids(): readonly number[] {
    return childrenOf(this.#postgres.pid);
  }

  async restartPostgres(): Promise<void> {
    await this.#postgres.stop();
    this.#postgres = await startPostgres(this.#folder, this.#postgres.port);
  }

  async put(change: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const users = MODES.map((mode) => ({
      db_user: ROLE[mode],
      db_password: PASSWORD,
      pool_size: this.poolSize,
      pool_checkout_timeout: CHECKOUT_TIMEOUT_MS,
    }));
    const { status } = await putTenant(this.fleet, TENANT, {
      db_host: "127.0.0.1",
      db_port: this.databasePort,
      db_database: "postgres",
      require_user: true,
      default_max_clients: 500,
      ...change,
      users,
    });
    if (status >= 300) throw new Error(`PUT was answered with ${status}`);
  }

  async order(name: "pause" | "resume" | "terminate"): Promise<void> {
    const answer = await callApi(this.fleet, "POST", `/api/tenants/${TENANT}/${name}`, {});
    if (!answer.ok) throw new Error(`${name} was answered with ${answer.status}`);
  }

  /** The lines of one metric, of the whole data plane. */
  async metric(name: string): Promise<readonly string[]> {
    const { operations } = this.fleet.dataPlane.ports;
    const text = await (await fetch(`http://127.0.0.1:${operations}/metrics`)).text();
    return text.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  }

  /** Of all processes of the data plane. */
  get memoryMb(): number {
    return this.dataPlanePids.reduce((sum, pid) => sum + residentKb(pid), 0) / 1024;
  }

  async stop(): Promise<void> {
    await this.fleet.stop();
    await this.#postgres.stop();
    rmSync(this.#folder, { recursive: true, force: true });
    rmSync(this.#postgres.folder, { recursive: true, force: true });
  }

  async #prepare(): Promise<void> {
    const direct = await this.direct();
    for (const role of Object.values(ROLE)) {
      await direct.query(`create role ${role} login password '${PASSWORD}'`);
    }
    // What was committed is there after a crash of a backend.
    await direct.query("alter database postgres set synchronous_commit = on");
    await direct.query(`
      create table owned (mark text, n int);
      grant all on owned to public; grant create on schema public to public;
      create function told(what text) returns text language plpgsql as $$ begin raise notice '%', what; return what; end $$;`);
    await direct.end();
    await this.put();
    await eventually("the tenant is served", async () => {
      const client = new pg.Client({
        host: "127.0.0.1",
        port: this.fleet.dataPlane.ports.transaction,
        user: `${ROLE.transaction}.${TENANT}`,
        password: PASSWORD,
        database: "postgres",
      });
      client.on("error", () => undefined);
      await client.connect();
      await client.end();
      return true;
    });
  }
}

function startPostgres(folder: string, port: number): Promise<EmbeddedPostgres> {
  return EmbeddedPostgres.start({ folder: join(folder, "data"), port, fsync: false, maxConnections: 100 });
}

function childrenOf(pid: number): readonly number[] {
  try {
    const tasks = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return tasks.split(" ").map(Number).filter(Boolean);
  } catch {
    return [];
  }
}

function residentKb(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
