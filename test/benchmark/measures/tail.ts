import { pgbench } from "../load/pgbench.js";
import type { Measure, Row } from "../measure.js";
import { inTurns } from "../rounds.js";
import { median, ratioOf } from "../statistics.js";

const CLIENTS = 20;
const SHARE_OF_MOST = 0.7;

/** Latency where the poolers are busy but not full, and how even it is where they are far too full. */
export const tail: Measure = {
  name: "tail",
  what: "latency at 70 % of the slower one's maximum, and with 2,000 clients on a pool of 20",
  async measure({ sluice, pgbouncer, quick, loadProcessor: processor, note }) {
    const contestants = pgbouncer === undefined ? [sluice] : [sluice, pgbouncer];
    const base = { protocol: "simple", tls: false, processor } as const;
    const rounds = quick ? 1 : 3;
    const most = await inTurns(contestants, 1, (contestant) =>
      pgbench(contestant, { ...base, clients: CLIENTS, seconds: quick ? 2 : 4 }),
    );
    const slower = Math.min(...[...most.values()].map((figures) => median(figures.map(({ tps }) => tps))));
    const rate = SHARE_OF_MOST * slower;
    const fixed = await inTurns(contestants, rounds, (contestant) =>
      pgbench(contestant, { ...base, clients: CLIENTS, seconds: quick ? 3 : 8, rate }),
    );
    note(`fixed rate of ${Math.round(rate)} tps done`);
    const overload = await inTurns(contestants, rounds, (contestant) =>
      pgbench(contestant, { ...base, clients: quick ? 500 : 2000, seconds: quick ? 3 : 10 }),
    );
    const rows: Row[] = [];
    for (const [cell, results] of [
      [`${Math.round(rate)} tps, c=${CLIENTS}`, fixed],
      [`overload, c=${quick ? 500 : 2000}`, overload],
    ] as const) {
      for (const [name, figures] of results) {
        const of = (figure: "p50Ms" | "p99Ms" | "p999Ms"): number =>
          median(figures.map((round) => round[figure]));
        rows.push({
          cell: `${name}, ${cell}`,
          values: {
            "p50 ms": of("p50Ms"),
            "p99 ms": of("p99Ms"),
            "p99.9 ms": of("p999Ms"),
            "p99 / p50": of("p99Ms") / of("p50Ms"),
          },
        });
      }
    }
    const theirs = fixed.get("pgbouncer");
    if (theirs !== undefined) {
      const ratio = ratioOf(
        (fixed.get("sluice") ?? []).map(({ p99Ms }) => p99Ms),
        theirs.map(({ p99Ms }) => p99Ms),
      );
      rows.push({ cell: "p99 at a fixed rate, ratio", values: { "p99 ms": ratio.median } });
    }
    return {
      rows,
      plot: undefined,
      rounds: {
        most: Object.fromEntries(most),
        fixed: Object.fromEntries(fixed),
        overload: Object.fromEntries(overload),
      },
    };
  },
};
