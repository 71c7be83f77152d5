import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
import type { PostgresCluster } from "./postgres-cluster.js";

export interface Database extends PostgresCluster {
  readonly database: string;
  readonly url: string;
  /** Ends its sessions and removes it. */
  drop(): Promise<void>;
}

async function run(cluster: PostgresCluster, sql: string): Promise<void> {
  const { host, port, user, password } = cluster;
  const client = new pg.Client({ host, port, user, password, database: "postgres" });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** A fresh, empty database, on the test run's server unless told otherwise. */
export async function createDatabase(cluster: PostgresCluster = inject("postgres")): Promise<Database> {
  const database = `test_${randomBytes(6).toString("hex")}`;
  await run(cluster, `CREATE DATABASE ${database} STRATEGY FILE_COPY`);
  const { host, port, user, password } = cluster;
  return {
    host,
    port,
    user,
    password,
    database,
    url: `postgresql://${user}:${password}@${host}:${port}/${database}`,
    drop: () => run(cluster, `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`),
  };
}
