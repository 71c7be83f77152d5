import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openGround } from "../benchmark/ground.js";
import { pgbench } from "../benchmark/load/pgbench.js";
import { familyOf, memoryOf } from "../benchmark/processes.js";
import { eventually } from "../support/eventually.js";

describe("the ground of the benchmarks", () => {
  let ground: Awaited<ReturnType<typeof openGround>>;

  beforeAll(async () => {
    ground = await openGround({ quick: true, pinned: false, note: () => undefined });
  });
  afterAll(async () => {
    await ground?.close();
  });

  it("gives figures of every contestant that is here", async () => {
    const { direct, sluice, pgbouncer } = ground;
    for (const contestant of pgbouncer === undefined ? [direct, sluice] : [direct, sluice, pgbouncer]) {
      const figures = await pgbench(contestant, { protocol: "simple", clients: 4, seconds: 2, tls: false });
      expect(figures.tps, contestant.name).toBeGreaterThan(0);
      expect(figures.transactions, contestant.name).toBeGreaterThan(0);
      expect(figures.p50Ms, contestant.name).toBeLessThanOrEqual(figures.p999Ms);
      if (contestant === direct) expect(figures.cpuMicrosPerTransaction).toBeNaN();
      else {
        expect(figures.cpuMicrosPerTransaction, contestant.name).toBeGreaterThan(0);
        expect(memoryOf(contestant.pids()), contestant.name).toBeGreaterThan(2 ** 20);
      }
    }
  });
});

const PROGRAM = fileURLToPath(new URL("../dist/benchmark/main.js", import.meta.url));

/** What is neither gone nor waits for its parent to notice that it is. */
const isThere = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};

const foldersOf = (pids: readonly number[]): readonly string[] =>
  pids.map((pid) => {
    try {
      return /\/tmp\/sluice-bench-\w+/.exec(readFileSync(`/proc/${pid}/cmdline`, "utf8"))?.[0] ?? "";
    } catch {
      return "";
    }
  });

describe("a run of the benchmarks that is told to stop", () => {
  it.each(["SIGINT", "SIGTERM"] as const)("by %s leaves no process and no folder behind", async (signal) => {
    const run = spawn(process.execPath, [PROGRAM, "--quick", "throughput"], { stdio: "ignore" });
    try {
      const { pid = 0 } = run;
      const ended = once(run, "exit");
      const family = await eventually(
        "Postgres and the poolers run",
        () => {
          const pids = familyOf(pid);
          return pids.length > 8 && foldersOf(pids).some((folder) => folder !== "") ? pids : undefined;
        },
        { timeoutMs: 60_000 },
      );
      const [folder = ""] = foldersOf(family).filter((name) => name !== "");
      run.kill(signal);
      expect(await ended).toEqual([130, null]);
      await eventually("all have ended", () => !family.some(isThere));
      expect(readdirSync("/tmp").map((name) => `/tmp/${name}`)).not.toContain(folder);
    } finally {
      run.kill("SIGKILL");
    }
  });
});
