import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EmbeddedPostgres } from "@sluice/shared/postgres";
import pg from "pg";
import type { TestProject } from "vitest/node";

/** The server that all suites of one project share; each suite makes databases of its own on it. */
export interface PostgresCluster {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

declare module "vitest" {
  interface ProvidedContext {
    postgres: PostgresCluster;
  }
}

/** vitest's global set-up: one server in a folder that goes away with the run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Not os.tmpdir(): a private TMPDIR would keep the server's account out.
  const folder = mkdtempSync("/tmp/sluice-test-postgres-");
  chmodSync(folder, 0o711);
  // Suites run side by side, and each holds pools.
  const postgres = await EmbeddedPostgres.start({
    folder: join(folder, "data"),
    port: 0,
    fsync: false,
    maxConnections: 300,
  });
  const { host, port, user, password } = postgres;
  await allowOlderMethods({ host, port, user, password });
  project.provide("postgres", { host, port, user, password });
  return async () => {
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
    rmSync(postgres.folder, { recursive: true, force: true });
  };
}

/** Roles whose names begin with `md5_` or `clear_` log in by these methods; everybody else by SCRAM. */
export async function allowOlderMethods(cluster: PostgresCluster): Promise<void> {
  const client = new pg.Client({ ...cluster, database: "postgres" });
  await client.connect();
  try {
    const path = (await client.query<{ hba_file: string }>("SHOW hba_file")).rows[0]?.hba_file ?? "";
    const lines = ["host all /^md5_ all md5", "host all /^clear_ all password"];
    writeFileSync(path, `${lines.join("\n")}\n${readFileSync(path, "utf8")}`);
    await client.query("SELECT pg_reload_conf()");
  } finally {
    await client.end();
  }
}
