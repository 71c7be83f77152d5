import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cell } from "../cells.js";
import type { Contestant } from "../contestants/contestant.js";
import { startPlainRelay } from "../contestants/plain-relay.js";
import { pgbench } from "../load/pgbench.js";
import { copyThrough } from "../load/psql-copy.js";
import type { Measure, Row } from "../measure.js";
import { memoryOf } from "../processes.js";
import { inTurns } from "../rounds.js";
import { median, ratioOf } from "../statistics.js";

/** How fast much data passes, against a relay that looks at nothing; and what the pooler holds of memory meanwhile. */
export const resultSize: Measure = {
  name: "result-size",
  what: "results of 1 to 1,000,000 rows, COPY out and in, against PgBouncer and a plain TCP relay on Node",
  async measure({ course, sluice, pgbouncer, quick, loadProcessor: processor, note }) {
    const relay = await startPlainRelay(course);
    const folder = mkdtempSync(join(tmpdir(), "sluice-bench-rows-"));
    try {
      const contestants: Contestant[] = [sluice, relay];
      if (pgbouncer !== undefined) contestants.push(pgbouncer);
      const rows: Row[] = [];
      const rounds: Record<string, unknown> = {};
      const inTurn = async (name: string, once: (contestant: Contestant) => Promise<number>): Promise<void> =>
        cell(rows, name, note, async () => {
          const results = await inTurns(contestants, quick ? 1 : 3, once);
          rounds[name] = Object.fromEntries(results);
          const of = (name: string): readonly number[] => results.get(name) ?? [];
          return {
            sluice: median(of("sluice")),
            "plain relay": median(of("plain relay")),
            pgbouncer: median(of("pgbouncer")),
            "/ plain relay": ratioOf(of("sluice"), of("plain relay")).median,
            "/ pgbouncer": ratioOf(of("sluice"), of("pgbouncer")).median,
          };
        });
      for (const count of quick ? [1, 10_000] : [1, 10_000, 1_000_000]) {
        const script = join(folder, `${count}.sql`);
        writeFileSync(script, `SELECT i, 'row ' || i AS text FROM generate_series(1, ${count}) AS i;\n`);
        await inTurn(`rows/s, ${count.toLocaleString("en-US")} at a time`, async (contestant) => {
          const clients = count > 10_000 ? 1 : 4;
          const seconds = count > 10_000 ? 5 : quick ? 2 : 3;
          const { tps } = await pgbench(contestant, {
            protocol: "simple",
            clients,
            seconds,
            tls: false,
            script,
            processor,
          });
          return tps * count;
        });
      }
      const megabytes = quick ? 100 : 500;
      const heldBefore = memoryOf(sluice.pids());
      let held = heldBefore;
      for (const direction of ["out", "in"] as const) {
        await inTurn(`COPY ${direction}, MB/s`, async (contestant) => {
          const perSecond = await copyThrough(contestant, direction, megabytes);
          held = Math.max(held, memoryOf(sluice.pids()));
          return perSecond;
        });
      }
      const toMiB = (bytes: number): number => bytes / 2 ** 20;
      rows.push({ cell: "memory before COPY, MiB", values: { sluice: toMiB(heldBefore) } });
      rows.push({ cell: "most after a COPY, MiB", values: { sluice: toMiB(held) } });
      return { rows, rounds, plot: undefined };
    } finally {
      await relay.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
