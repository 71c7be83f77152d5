import { execFileSync } from "node:child_process";
import { readFileSync, realpathSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { systemCodeOf } from "../errors/index.js";
import { holdsWithin } from "./holds-within.js";
import { PostgresFailure } from "./postgres-failure.js";

/** A server process that runs on a data folder, whoever started it. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  readonly folder: string;
}

const PID_FILE = "postmaster.pid";

/** The arguments of a process; empty when it is gone or a zombie. */
function argumentsOf(pid: number): readonly string[] {
  try {
    if (process.platform === "linux") {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    }
    return execFileSync("ps", ["-o", "command=", "-p", String(pid)], { encoding: "utf8" })
      .trim()
      .split(" ");
  } catch {
    return [];
  }
}

/** A process id is soon another process's: what counts is that it is a Postgres of this very folder. */
export function isPostmaster(pid: number, folder: string): boolean {
  const [program = "", ...rest] = argumentsOf(pid);
  const flag = rest.indexOf("-D");
  return basename(program) === "postgres" && flag >= 0 && rest[flag + 1] === folder;
}

/**
 * The server that runs on the folder. A lock file whose process is gone, or is something else by now, is removed:
 * Postgres would take any process with that number for a server and refuse to start.
 */
export function findPostmaster(folder: string): Postmaster | undefined {
  const path = join(folder, PID_FILE);
  let lines: string[];
  let real: string;
  try {
    lines = readFileSync(path, "utf8").split("\n");
    real = realpathSync(folder);
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return undefined;
    throw error;
  }
  // Lines of the lock file: pid, data folder, start time, port. See src/include/utils/pidfile.h of Postgres.
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  if (Number.isSafeInteger(pid) && pid > 0 && (isPostmaster(pid, folder) || isPostmaster(pid, real))) {
    return { pid, port: Number.isSafeInteger(port) ? port : 0, folder };
  }
  rmSync(path, { force: true });
  return undefined;
}

/** SIGINT: sessions are ended, then a clean shutdown. SIGQUIT: at once, with recovery at the next start. */
const STEPS = ["SIGINT", "SIGQUIT", "SIGKILL"] as const;

/**
 * Stops the server and waits until it is gone. Each step gets `stepMs`.
 * @throws PostgresFailure when it outlives all of them.
 */
export async function stopPostmaster(postmaster: Postmaster, stepMs: number): Promise<void> {
  const { pid, folder } = postmaster;
  const gone = (): boolean => !isPostmaster(pid, folder);
  for (const signal of STEPS) {
    if (gone()) return;
    try {
      process.kill(pid, signal);
    } catch (error) {
      if (systemCodeOf(error) === "ESRCH") return;
      throw error;
    }
    if (await holdsWithin(stepMs, gone)) return;
  }
  throw new PostgresFailure(`process ${pid} does not end`);
}
