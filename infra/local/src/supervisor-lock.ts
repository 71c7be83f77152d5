import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemCodeOf } from "@sluice/shared/errors";

function path(dataDir: string): string {
  return join(dataDir, "make-dev.pid");
}

function alive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    // A process id is soon another process's.
    if (process.platform === "linux") return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("dev.js");
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** The `make dev` that runs on this data folder. */
export function runningSupervisor(dataDir: string): number | undefined {
  try {
    const pid = Number(readFileSync(path(dataDir), "utf8"));
    return alive(pid) ? pid : undefined;
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

export interface SupervisorLock {
  /** Whether the one before was killed, so that its planes may still be on their way out. */
  readonly abandoned: boolean;
  release(): void;
}

/** @throws when another `make dev` runs on the folder. */
export function takeSupervisorLock(dataDir: string): SupervisorLock {
  mkdirSync(dataDir, { recursive: true });
  const running = runningSupervisor(dataDir);
  if (running !== undefined && running !== process.pid) {
    throw new Error(`make dev runs already on ${dataDir} (pid ${running})`);
  }
  const file = path(dataDir);
  let abandoned = false;
  try {
    writeFileSync(file, String(process.pid), { flag: "wx" });
  } catch (error) {
    if (systemCodeOf(error) !== "EEXIST") throw error;
    abandoned = true;
    writeFileSync(file, String(process.pid));
  }
  return { abandoned, release: () => rmSync(file, { force: true }) };
}
