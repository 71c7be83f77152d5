import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import type { Contestant, Course } from "./contestants/contestant.js";
import { startSluice } from "./contestants/sluice.js";
import { onGround } from "./ground.js";
import { pgbench } from "./load/pgbench.js";
import { storm } from "./load/storm.js";
import { memoryOf } from "./processes.js";
import { median } from "./statistics.js";
import { table } from "./table.js";

/*
 * `make soak MINUTES=60`: two workers under every kind of load by turns, and a rest behind each round. At rest memory and
 * files must be what they were after the first rounds, and the database must never see more servers than the pool has.
 */

const CHECKOUT = fileURLToPath(new URL("../../..", import.meta.url));
const SECONDS = 5;
/** Compiled code, pools and caches are there after these. */
const WARM_ROUNDS = 3;
const MOST_GROWTH = 1.15;
const MOST_MORE_FILES = 4;
const REST_MS = 8000;

interface Rest {
  readonly round: number;
  readonly minutes: number;
  readonly memoryMiB: number;
  readonly files: number;
  readonly mostServers: number;
}

async function main(minutes: number): Promise<void> {
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const rests: Rest[] = [];
  const problems: string[] = [];
  const poolSize = await onGround({ quick: true, pinned: false, note: say }, async ({ course }) => {
    const sluice = await startSluice(course, { workers: 2, name: "soak" });
    const watch = await ServerWatch.begin(course);
    try {
      const beganMs = performance.now();
      for (
        let round = 1;
        rests.length <= WARM_ROUNDS || performance.now() - beganMs < minutes * 60_000;
        round++
      ) {
        await load(sluice, problems);
        await after(REST_MS);
        const rest: Rest = {
          round,
          minutes: (performance.now() - beganMs) / 60_000,
          memoryMiB: memoryOf(sluice.pids()) / 2 ** 20,
          files: sluice.pids().reduce((sum, pid) => sum + filesOf(pid), 0),
          mostServers: watch.most,
        };
        rests.push(rest);
        say(
          `  round ${round}, ${rest.minutes.toFixed(1)} min: ${rest.memoryMiB.toFixed(0)} MiB, ${rest.files} files, ${rest.mostServers} servers at most`,
        );
      }
    } finally {
      await watch.end();
      await sluice.stop();
    }
    return course.poolSize;
  });
  problems.push(...judge(rests, poolSize));
  mkdirSync(join(CHECKOUT, "reports"), { recursive: true });
  writeFileSync(
    join(CHECKOUT, "reports/soak.json"),
    `${JSON.stringify({ rests, problems }, undefined, 1)}\n`,
  );
  say(table(rests.map(({ round, ...values }) => ({ cell: `round ${round}`, values: { ...values } }))));
  for (const problem of problems) say(`problem: ${problem}`);
  say(problems.length === 0 ? "nothing grows" : `${problems.length} problems`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}

async function load(sluice: Contestant, problems: string[]): Promise<void> {
  const parts: readonly (() => Promise<unknown>)[] = [
    () => pgbench(sluice, { protocol: "simple", clients: 100, seconds: SECONDS, tls: false }),
    () => pgbench(sluice, { protocol: "extended", clients: 20, seconds: SECONDS, tls: true }),
    () => pgbench(sluice, { protocol: "prepared", clients: 20, seconds: SECONDS, tls: false }),
    () => storm(sluice, { count: 1000, atOnce: 1000, tls: false, stay: true }).then(unserved),
    () => storm(sluice, { count: 500, atOnce: 50, tls: true, stay: false }).then(unserved),
  ];
  for (const part of parts) {
    try {
      await part();
    } catch (error) {
      problems.push(String(error).slice(0, 300));
    }
  }
}

function unserved({ failures }: { readonly failures: Readonly<Record<string, number>> }): void {
  const [first] = Object.entries(failures);
  if (first !== undefined) throw new Error(`${first[1]} clients were not served: ${first[0]}`);
}

/** @returns what is wrong */
export function judge(rests: readonly Rest[], poolSize: number): readonly string[] {
  const problems: string[] = [];
  const steady = rests.slice(WARM_ROUNDS);
  const third = Math.max(1, Math.floor(steady.length / 3));
  const of = (part: readonly Rest[], figure: "memoryMiB" | "files"): number =>
    median(part.map((rest) => rest[figure]));
  const [first, last] = [steady.slice(0, third), steady.slice(-third)];
  const [memoryBefore, memoryAfter] = [of(first, "memoryMiB"), of(last, "memoryMiB")];
  if (memoryAfter > memoryBefore * MOST_GROWTH)
    problems.push(`memory at rest grew from ${memoryBefore.toFixed(0)} to ${memoryAfter.toFixed(0)} MiB`);
  const [filesBefore, filesAfter] = [of(first, "files"), of(last, "files")];
  if (filesAfter > filesBefore + MOST_MORE_FILES)
    problems.push(`open files at rest grew from ${filesBefore} to ${filesAfter}`);
  const most = Math.max(0, ...rests.map(({ mostServers }) => mostServers));
  if (most > poolSize) problems.push(`the database saw ${most} servers, and the pool has ${poolSize}`);
  return problems;
}

function filesOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}

const LOOK_EVERY_MS = 200;

/** How many servers the database has seen at most since it began, by what the clients of the load call themselves. */
class ServerWatch {
  readonly #client: pg.Client;
  readonly #timer: NodeJS.Timeout;
  #most = 0;
  #looking: Promise<void> = Promise.resolve();

  private constructor(client: pg.Client) {
    this.#client = client;
    this.#timer = setInterval(() => {
      this.#looking = this.#look();
    }, LOOK_EVERY_MS);
  }

  static async begin({ host, port, user, password, database }: Course): Promise<ServerWatch> {
    const client = new pg.Client({ host, port, user, password, database });
    await client.connect();
    return new ServerWatch(client);
  }

  get most(): number {
    return this.#most;
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    await this.#client.end();
  }

  async #look(): Promise<void> {
    const { rows } = await this.#client.query<{ count: number }>(
      "SELECT count(*)::int AS count FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = current_database() AND pid <> pg_backend_pid() AND application_name IN ('pgbench', 'storm of soak')",
    );
    this.#most = Math.max(this.#most, rows[0]?.count ?? 0);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(Number(process.argv[2] ?? 60));
  process.exit();
}
