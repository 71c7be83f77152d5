import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { EmbeddedPostgres, freePort } from "@sluice/shared/postgres";
import pg from "pg";
import type { PostgresCluster } from "./postgres-cluster.js";

export interface OwnPostgresOptions {
  /** Another server's that is stopped: this one answers in its place. */
  readonly port?: number;
  readonly maxConnections?: number;
}

/** A Postgres of a test's own, which it may stop, start again on the same port, and kill. */
export class OwnPostgres implements PostgresCluster {
  readonly host = "127.0.0.1";
  readonly user = "postgres";
  readonly password = "postgres";
  readonly port: number;
  readonly #folder: string;
  readonly #maxConnections: number;
  #postgres: EmbeddedPostgres | undefined;

  private constructor(port: number, folder: string, maxConnections: number) {
    this.port = port;
    this.#folder = folder;
    this.#maxConnections = maxConnections;
  }

  static async start({ port, maxConnections = 50 }: OwnPostgresOptions = {}): Promise<OwnPostgres> {
    const folder = mkdtempSync("/tmp/sluice-test-own-postgres-");
    chmodSync(folder, 0o711);
    const own = new OwnPostgres(port ?? (await freePort()), folder, maxConnections);
    await own.start();
    return own;
  }

  async start(): Promise<void> {
    this.#postgres = await EmbeddedPostgres.start({
      folder: join(this.#folder, "data"),
      port: this.port,
      fsync: false,
      maxConnections: this.#maxConnections,
    });
  }

  /** As `pg_ctl stop -m fast`: sessions are told, and ended. */
  async shutDown(): Promise<void> {
    await this.#postgres?.stop();
  }

  /** `kill -9` of the postmaster and all its children. */
  async crash(): Promise<void> {
    const pid = this.#postgres?.pid ?? 0;
    // It leads a process group of its own.
    process.kill(-pid, "SIGKILL");
    await this.#postgres?.stop();
  }

  async run<T extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []): Promise<T[]> {
    const { host, port, user, password } = this;
    const client = new pg.Client({ host, port, user, password, database: "postgres" });
    await client.connect();
    try {
      return (await client.query<T>(sql, [...values])).rows;
    } finally {
      await client.end();
    }
  }

  async remove(): Promise<void> {
    await this.#postgres?.stop();
    if (this.#postgres !== undefined) rmSync(this.#postgres.folder, { recursive: true, force: true });
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
