import { execFileSync } from "node:child_process";
import { cpus, loadavg, release, totalmem } from "node:os";

export interface Machine {
  readonly processors: number;
  readonly model: string;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly pgbench: string;
  /** Undefined: there is none here. */
  readonly pgbouncer: string | undefined;
  /** False: pooler and load generator shared processors. */
  readonly pinned: boolean;
  /** Over the last minute when the run began: what else was going on. */
  readonly loadBefore: number;
}

export function describeMachine(pgbench: string, pgbouncer: string | undefined): Machine {
  return {
    processors: cpus().length,
    model: cpus()[0]?.model.trim() ?? "unknown",
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    pgbench: firstLineOf(pgbench, ["--version"]) ?? "unknown",
    pgbouncer: pgbouncer === undefined ? undefined : firstLineOf(pgbouncer, ["--version"]),
    pinned: cpus().length > 1 && firstLineOf("taskset", ["--version"]) !== undefined,
    loadBefore: loadavg()[0] ?? 0,
  };
}

/** The commit that is measured, with a mark when the checkout has changes of its own. */
export function commitOf(checkout: string): string {
  const git = (...args: string[]): string | undefined => firstLineOf("git", ["-C", checkout, ...args]);
  const commit = git("rev-parse", "--short=12", "HEAD") ?? "unknown";
  return git("status", "--porcelain", "--untracked-files=no") ? `${commit}+changes` : commit;
}

function firstLineOf(command: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).split(
      "\n",
    )[0];
  } catch {
    return undefined;
  }
}
