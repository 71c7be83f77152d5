import { cpus } from "node:os";
import { cell } from "../cells.js";
import { startSluice } from "../contestants/sluice.js";
import { pgbench } from "../load/pgbench.js";
import type { Measure, Row } from "../measure.js";
import { inTurns } from "../rounds.js";
import { median, ratioOf } from "../statistics.js";

/** Fewer, and two workers, Postgres and the load generator only share what one had. */
const PROCESSORS_NEEDED = 4;

/** One worker and two on the same pool: the servers are shared by permits, whose cost shows here. */
export const workers: Measure = {
  name: "workers",
  what: "pgbench -S through one worker and through two, one pool of 20 for all",
  async measure({ course, quick, note }) {
    const one = await startSluice(course, { workers: 1, name: "one worker" });
    try {
      const two = await startSluice(course, { workers: 2, name: "two workers" });
      try {
        const rows: Row[] = [];
        const rounds: Record<string, unknown> = {};
        for (const clients of [20, 100]) {
          await cell(rows, `c=${clients}`, note, async () => {
            const results = await inTurns([one, two], quick ? 1 : 3, (contestant) =>
              pgbench(contestant, { protocol: "simple", clients, seconds: quick ? 2 : 5, tls: false }),
            );
            rounds[`c=${clients}`] = Object.fromEntries(results);
            const tps = (name: string): readonly number[] =>
              results.get(name)?.map((figures) => figures.tps) ?? [];
            const p99 = (name: string): number => median(results.get(name)?.map(({ p99Ms }) => p99Ms) ?? []);
            return {
              "one worker tps": median(tps("one worker")),
              "two workers tps": median(tps("two workers")),
              ratio: ratioOf(tps("two workers"), tps("one worker")).median,
              "one worker p99 ms": p99("one worker"),
              "two workers p99 ms": p99("two workers"),
            };
          });
        }
        if (cpus().length < PROCESSORS_NEEDED) {
          rows.push({
            cell: `scaling: not measured, ${cpus().length} processors are here and ${PROCESSORS_NEEDED} are needed`,
            values: {},
          });
        }
        return { rows, rounds, plot: undefined };
      } finally {
        await two.stop();
      }
    } finally {
      await one.stop();
    }
  },
};
