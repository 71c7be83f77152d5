import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findTool } from "../../support/tools.js";
import type { Contestant } from "../contestants/contestant.js";
import { cpuSecondsOf } from "../processes.js";
import { percentile } from "../statistics.js";

export type Protocol = "simple" | "extended" | "prepared";

export interface PgbenchLoad {
  readonly protocol: Protocol;
  readonly clients: number;
  readonly seconds: number;
  readonly tls: boolean;
  /** A new connection for each transaction. */
  readonly reconnect?: boolean;
  /** Transactions a second, in all; undefined: as many as it can. Latency then counts from when each was due. */
  readonly rate?: number;
  /** A script of its own instead of one SELECT by primary key. */
  readonly script?: string;
  /** The processor that it runs on; undefined: any. */
  readonly processor?: number | undefined;
}

export interface PgbenchFigures {
  readonly tps: number;
  readonly transactions: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** Of the pooler, microseconds of user and system time. NaN where there is no pooler. */
  readonly cpuMicrosPerTransaction: number;
}

const STARTING_MS = 120_000;
/** Each costs the client some milliseconds of PBKDF2. */
const LOGINS_PER_SECOND = 100;

function loginSeconds({ clients, reconnect }: PgbenchLoad): number {
  return reconnect === true ? 0 : 1 + Math.ceil(clients / LOGINS_PER_SECOND);
}

/** @throws when any transaction failed: figures of a run with errors mean nothing. */
export async function pgbench(contestant: Contestant, load: PgbenchLoad): Promise<PgbenchFigures> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-pgbench-"));
  try {
    const args = [
      ...(load.script === undefined ? ["-S"] : ["-f", load.script]),
      ...["-n", "-M", load.protocol, "-c", String(load.clients), "-j", "1"],
      // Its clock runs while the clients still log in.
      ...["-T", String(load.seconds + loginSeconds(load)), "-P", "1"],
      ...["-l", "--log-prefix", join(folder, "log")],
      ...(load.reconnect === true ? ["-C"] : []),
      ...(load.rate === undefined ? [] : ["-R", String(Math.round(load.rate))]),
      ...["-h", contestant.host, "-p", String(contestant.port), "-U", contestant.user, contestant.database],
    ];
    const pids = contestant.pids();
    const looks = [{ transactions: 0, cpuSeconds: cpuSecondsOf(pids) }];
    const output = await run(contestant, args, load, (tps) =>
      looks.push({ transactions: tps, cpuSeconds: cpuSecondsOf(pids) }),
    );
    const latencies = latenciesIn(folder);
    const tps = Number(/^tps = ([\d.]+)/m.exec(output)?.[1]);
    const failed = Number(/number of failed transactions: (\d+)/.exec(output)?.[1] ?? 0);
    if (failed > 0 || !(tps > 0)) throw new Error(`pgbench through ${contestant.name}:\n${output}`);
    const at = (share: number): number => percentile(latencies, share) / 1000;
    // Logins are part of it only where each transaction has one.
    const counted = load.reconnect === true ? looks : looks.slice(1);
    const cpuSeconds = (counted.at(-1)?.cpuSeconds ?? 0) - (counted[0]?.cpuSeconds ?? 0);
    const transactions = counted.slice(1).reduce((sum, look) => sum + look.transactions, 0);
    return {
      tps,
      transactions: latencies.length,
      p50Ms: at(0.5),
      p95Ms: at(0.95),
      p99Ms: at(0.99),
      p999Ms: at(0.999),
      cpuMicrosPerTransaction: pids.length === 0 ? Number.NaN : (cpuSeconds * 1e6) / transactions,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The tables that the standard script reads: 100,000 rows for each step of `scale`. */
export async function fillTables(contestant: Contestant, scale: number): Promise<void> {
  const { host, port, user, database } = contestant;
  await run(
    contestant,
    ["-i", "-q", "-s", String(scale), "-h", host, "-p", String(port), "-U", user, database],
    {
      tls: false,
      seconds: 0,
    },
  );
}

/** @param progress told each second how many transactions it had */
function run(
  contestant: Contestant,
  args: readonly string[],
  { tls, seconds, processor }: Pick<PgbenchLoad, "tls" | "seconds" | "processor">,
  progress?: (tps: number) => void,
): Promise<string> {
  const command = [findTool("pgbench"), ...args];
  if (processor !== undefined) command.unshift("taskset", "-c", String(processor));
  const [program = "", ...rest] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, {
      env: {
        PATH: process.env.PATH ?? "",
        HOME: "/nonexistent",
        PGPASSWORD: contestant.password,
        PGSSLMODE: tls ? "require" : "disable",
        LC_ALL: "C.UTF-8",
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        for (const [, tps] of text.matchAll(/^progress: [\d.]+ s, ([\d.]+) tps/gm)) progress?.(Number(tps));
      });
    }
    const late = setTimeout(() => child.kill("SIGKILL"), seconds * 1000 + STARTING_MS);
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(late);
      if (code === 0) resolve(output);
      else
        reject(new Error(`pgbench through ${contestant.name} ended with ${code}:\n${output.slice(-2000)}`));
    });
  });
}

/** Microseconds, sorted. The log's third column; with a rate, what it was late counts in. */
function latenciesIn(folder: string): Float64Array {
  const found: number[] = [];
  for (const file of readdirSync(folder)) {
    const text = readFileSync(join(folder, file), "utf8");
    for (let at = 0; at < text.length; ) {
      const first = text.indexOf(" ", at);
      const second = text.indexOf(" ", first + 1);
      const third = text.indexOf(" ", second + 1);
      found.push(Number(text.slice(second + 1, third)));
      const end = text.indexOf("\n", third);
      at = end === -1 ? text.length : end + 1;
    }
  }
  return Float64Array.from(found).sort();
}
