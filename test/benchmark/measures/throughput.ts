import { cell } from "../cells.js";
import type { Contestant } from "../contestants/contestant.js";
import { type PgbenchFigures, type Protocol, pgbench } from "../load/pgbench.js";
import { warmUp } from "../load/warm-up.js";
import type { Ground, Measure, Outcome, Row } from "../measure.js";
import { inTurns } from "../rounds.js";
import { median, ratioOf } from "../statistics.js";

/** One SELECT by primary key, as often as it goes: transactions a second, and the pooler's processor time for each. */
export const throughput: Measure = {
  name: "throughput",
  what: "pgbench -S by protocol, clients and TLS, pool of 20, against Postgres itself and PgBouncer",
  async measure(ground) {
    const { quick } = ground;
    const rows: Row[] = [];
    const rounds: Record<string, unknown> = {};
    for (const tls of quick ? [false] : [false, true]) {
      for (const protocol of quick ? QUICK_PROTOCOLS : tls ? TLS_PROTOCOLS : PROTOCOLS) {
        const contestants = contestantsOf(ground, protocol, tls);
        await warmUp(contestants, { protocol, tls, processor: ground.loadProcessor }, quick);
        for (const clients of clientsOf(protocol, tls, quick)) {
          const name = `${protocol}${tls ? " TLS" : ""} c=${clients}`;
          await cell(rows, name, ground.note, async () => {
            const results = await inTurns(contestants, quick ? 2 : 3, (contestant) =>
              pgbench(contestant, {
                ...{ protocol, clients, tls },
                seconds: quick ? 2 : 3,
                processor: ground.loadProcessor,
              }),
            );
            rounds[name] = Object.fromEntries(results);
            return valuesOf(results);
          });
        }
      }
    }
    return {
      rows,
      rounds,
      plot: {
        title: "Processor time of the pooler for each transaction",
        unit: "µs",
        series: ["sluice CPU µs", "pgbouncer CPU µs"],
      },
    } satisfies Outcome;
  },
};

const PROTOCOLS: readonly Protocol[] = ["simple", "extended", "prepared"];
/** What TLS costs does not depend on the messages inside. */
const TLS_PROTOCOLS: readonly Protocol[] = ["simple", "prepared"];
/** A thousand logins take longer than what is measured: for some rows only. */
function clientsOf(protocol: Protocol, tls: boolean, quick: boolean): readonly number[] {
  const many = !quick && (protocol === "simple" || (protocol === "prepared" && !tls));
  return many ? [1, 20, 100, 1000] : [1, 20, 100];
}

const QUICK_PROTOCOLS: readonly Protocol[] = ["simple", "prepared"];

/** Statements prepared by name go through PgBouncer in transaction mode from 1.21 on. */
function contestantsOf(ground: Ground, protocol: Protocol, tls: boolean): readonly Contestant[] {
  const { direct, sluice, pgbouncer } = ground;
  const theirs =
    pgbouncer !== undefined && (protocol !== "prepared" || pgbouncer.preparesByName) ? [pgbouncer] : [];
  // Poolers reach Postgres over loopback without TLS; so it stands beside them in the rows without.
  return tls ? [sluice, ...theirs] : [direct, sluice, ...theirs];
}

function valuesOf(results: ReadonlyMap<string, readonly PgbenchFigures[]>): Row["values"] {
  const of = (name: string, figure: keyof PgbenchFigures): readonly number[] =>
    results.get(name)?.map((round) => round[figure]) ?? [];
  const theirs = results.has("pgbouncer");
  const tps = ratioOf(of("sluice", "tps"), of("pgbouncer", "tps"));
  const cpu = ratioOf(of("sluice", "cpuMicrosPerTransaction"), of("pgbouncer", "cpuMicrosPerTransaction"));
  const none = "too old";
  return {
    ...(results.has("direct") ? { "direct tps": median(of("direct", "tps")) } : {}),
    "sluice tps": median(of("sluice", "tps")),
    "pgbouncer tps": theirs ? median(of("pgbouncer", "tps")) : none,
    "tps ratio": theirs ? tps.median : none,
    "(spread)": theirs ? `${tps.least.toFixed(2)}-${tps.most.toFixed(2)}` : "",
    ...(results.has("direct")
      ? { "tps / direct": ratioOf(of("sluice", "tps"), of("direct", "tps")).median }
      : {}),
    "sluice CPU µs": median(of("sluice", "cpuMicrosPerTransaction")),
    "pgbouncer CPU µs": theirs ? median(of("pgbouncer", "cpuMicrosPerTransaction")) : none,
    "CPU ratio": theirs ? cpu.median : none,
    "sluice p99 ms": median(of("sluice", "p99Ms")),
    "pgbouncer p99 ms": theirs ? median(of("pgbouncer", "p99Ms")) : none,
  };
}
