import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onGround } from "./ground.js";
import { type PgbenchLoad, pgbench } from "./load/pgbench.js";
import { copyThrough } from "./load/psql-copy.js";
import { logIns } from "./measures/connect-storm.js";

/*
 * Where the data plane's worker spends its time under one load: `make profile LOAD=simple`. The profiles themselves can
 * be opened in a browser's developer tools; their folder is printed.
 */

const LOADS: Readonly<Record<string, Omit<PgbenchLoad, "processor">>> = {
  simple: { protocol: "simple", clients: 20, seconds: 10, tls: false },
  extended: { protocol: "extended", clients: 20, seconds: 10, tls: false },
  prepared: { protocol: "prepared", clients: 20, seconds: 10, tls: false },
  tls: { protocol: "simple", clients: 20, seconds: 10, tls: true },
};
/** Logins, with and without TLS: so many of them. */
const LOGINS: Readonly<Record<string, boolean>> = { logins: false, "logins-tls": true };
const COPIES: Readonly<Record<string, "in" | "out">> = { "copy-out": "out", "copy-in": "in" };
const COPY_MEGABYTES = 500;
const MOST_LOGINS = 4000;
const LINES = 45;

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

async function main(name: string): Promise<void> {
  const [load, tls] = [LOADS[name], LOGINS[name]];
  const names = [LOADS, LOGINS, COPIES].flatMap((each) => Object.keys(each));
  if (!names.includes(name)) throw new Error(`no such load: ${name}; there are ${names.join(", ")}`);
  const folder = mkdtempSync(join(tmpdir(), "sluice-profile-"));
  const dataPlaneEnvironment = {
    NODE_OPTIONS: `--import=${new URL("load-profiler.js", import.meta.url).href}`,
    SLUICE_PROFILE_FOLDER: folder,
  };
  const options = { quick: true, pinned: true, note: () => undefined, dataPlaneEnvironment };
  await onGround(options, async ({ sluice, loadProcessor: processor }) => {
    const once = async (): Promise<string> => {
      const direction = COPIES[name];
      if (direction !== undefined)
        return `${Math.round(await copyThrough(sluice, direction, COPY_MEGABYTES))} MB/s`;
      if (load === undefined) {
        const { perSecond, cpuMicrosEach } = await logIns(sluice, MOST_LOGINS, tls === true, processor);
        return `${Math.round(perSecond)} logins/s, ${cpuMicrosEach.toFixed(1)} µs each`;
      }
      const { tps, cpuMicrosPerTransaction } = await pgbench(sluice, { ...load, processor });
      return `${Math.round(tps)} tps, ${cpuMicrosPerTransaction.toFixed(1)} µs each`;
    };
    // What is compiled while it warms up would hide what it costs later.
    await once();
    for (const pid of sluice.pids()) process.kill(pid, "SIGUSR2");
    process.stdout.write(`${await once()} (profiled)\n`);
  });
  const busiest = readdirSync(folder)
    .map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")) as CpuProfile)
    .sort((a, b) => busyMicros(b) - busyMicros(a))[0];
  if (busiest !== undefined) process.stdout.write(`${topOf(busiest)}\nprofiles in ${folder}\n`);
  else rmSync(folder, { recursive: true });
}

const NOT_WORK: ReadonlySet<string> = new Set(["(idle)", "(program)", "(root)"]);

function busyMicros(profile: CpuProfile): number {
  let sum = 0;
  for (const [, { name, micros }] of selfTimes(profile)) if (name !== "(idle)") sum += micros;
  return sum;
}

function selfTimes(profile: CpuProfile): Map<string, { name: string; micros: number }> {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const times = new Map<string, { name: string; micros: number }>();
  profile.samples.forEach((sample, at) => {
    const frame = nodes.get(sample)?.callFrame;
    if (frame === undefined) return;
    const file = frame.url.replace(/^.*\/(node_modules\/.*|[^/]+\/dist\/.*)$/, "$1");
    const where = `${frame.functionName || "(anonymous)"} ${file}:${frame.lineNumber + 1}`;
    const known = times.get(where);
    const micros = profile.timeDeltas[at] ?? 0;
    if (known === undefined) times.set(where, { name: frame.functionName, micros });
    else known.micros += micros;
  });
  return times;
}

function topOf(profile: CpuProfile): string {
  const times = [...selfTimes(profile)].filter(([, { name }]) => !NOT_WORK.has(name) || name === "(program)");
  const all = times.reduce((sum, [, { micros }]) => sum + micros, 0);
  return times
    .sort(([, a], [, b]) => b.micros - a.micros)
    .slice(0, LINES)
    .map(([where, { micros }]) => `${((micros / all) * 100).toFixed(1).padStart(5)} %  ${where}`)
    .join("\n");
}

await main(process.argv[2] ?? "simple");
