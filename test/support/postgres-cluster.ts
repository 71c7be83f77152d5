import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { EmbeddedPostgres } from "@sluice/shared/postgres";
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
  project.provide("postgres", { host, port, user, password });
  return async () => {
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
    rmSync(postgres.folder, { recursive: true, force: true });
  };
}
