import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dataFolder, EmbeddedPostgres, findPostmaster, type Postmaster } from "@sluice/shared/postgres";
import { createDatabase } from "./create-database.js";
import type { LocalSettings } from "./settings.js";

/** The control plane's own database, apart from the demonstration tenant's `postgres`. */
export const CONTROL_PLANE_DATABASE = "sluice";

function folderOf(settings: LocalSettings): string {
  return join(settings.dataDir, "postgres");
}

function markOf(settings: LocalSettings): string {
  return join(settings.dataDir, "postgres-kept.pid");
}

/** The server that runs on this data folder, whoever started it. */
export function runningPostgres(settings: LocalSettings): Postmaster | undefined {
  return findPostmaster(dataFolder(folderOf(settings)));
}

/** Whether `make db_start` started it: then only `make db_stop` ends it. */
export function isKept(settings: LocalSettings, postmaster: Postmaster): boolean {
  try {
    return Number(readFileSync(markOf(settings), "utf8")) === postmaster.pid;
  } catch {
    return false;
  }
}

export function markKept(settings: LocalSettings, pid: number): void {
  writeFileSync(markOf(settings), String(pid));
}

export function forgetKept(settings: LocalSettings): void {
  rmSync(markOf(settings), { force: true });
}

export interface LocalPostgres {
  readonly server: EmbeddedPostgres;
  /** Of the control plane's database, made when it was not there. */
  readonly databaseUrl: string;
  readonly kept: boolean;
}

/** A server that `make db_start` started is used as it is; any other leftover is ended first. */
export async function startLocalPostgres(
  settings: LocalSettings,
  report: (line: string) => void,
): Promise<LocalPostgres> {
  mkdirSync(settings.dataDir, { recursive: true });
  // The server's account, which is not root, has to walk through; what is secret in there has a folder of its own.
  chmodSync(settings.dataDir, 0o755);
  const found = runningPostgres(settings);
  const kept = found !== undefined && isKept(settings, found);
  const server = await EmbeddedPostgres.start({
    folder: folderOf(settings),
    port: kept ? found.port : settings.postgresPort,
    leftover: kept ? "adopt" : "stop",
    stopStepMs: 2000,
    report,
  });
  const databaseUrl = await createDatabase(server, CONTROL_PLANE_DATABASE);
  return { server, databaseUrl, kept: kept && server.adopted };
}
