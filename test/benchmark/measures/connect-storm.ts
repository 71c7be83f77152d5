import { cell } from "../cells.js";
import type { Contestant } from "../contestants/contestant.js";
import { storm } from "../load/storm.js";
import type { Measure, Row } from "../measure.js";
import { cpuSecondsOf } from "../processes.js";
import { inTurns } from "../rounds.js";
import { median, ratioOf } from "../statistics.js";

interface Logins {
  readonly perSecond: number;
  readonly cpuMicrosEach: number;
}

/**
 * A login by SCRAM, one query and the end, over and over. The clients compute PBKDF2 once, as drivers with a cache do: else
 * it is their time that is measured. Look at the CPU all the same: they share the machine.
 */
export const connectStorm: Measure = {
  name: "connect-storm",
  what: "logins with one query each, 20 clients at a time: logins a second and the pooler's processor time for each, with and without TLS",
  async measure({ sluice, pgbouncer, quick, loadProcessor: processor, note }) {
    const contestants = pgbouncer === undefined ? [sluice] : [sluice, pgbouncer];
    const rows: Row[] = [];
    const rounds: Record<string, unknown> = {};
    for (const tls of [false, true]) {
      const name = tls ? "TLS" : "plain";
      const count = quick ? 1000 : 4000;
      await cell(rows, name, note, async () => {
        // What is compiled on the way would be counted.
        for (const contestant of contestants) await logIns(contestant, count, tls, processor);
        const results = await inTurns(contestants, quick ? 1 : 3, (contestant) =>
          logIns(contestant, count, tls, processor),
        );
        rounds[name] = Object.fromEntries(results);
        const of = (name: string, figure: keyof Logins): readonly number[] =>
          results.get(name)?.map((round) => round[figure]) ?? [];
        const [ours, theirs] = [of("sluice", "cpuMicrosEach"), of("pgbouncer", "cpuMicrosEach")];
        return {
          "sluice logins/s": median(of("sluice", "perSecond")),
          "pgbouncer logins/s": median(of("pgbouncer", "perSecond")),
          "sluice CPU µs": median(ours),
          "pgbouncer CPU µs": median(theirs),
          "CPU ratio": ratioOf(ours, theirs).median,
        };
      });
    }
    return {
      rows,
      rounds,
      plot: {
        title: "Processor time of the pooler for each login",
        unit: "µs",
        series: ["sluice CPU µs", "pgbouncer CPU µs"],
      },
    };
  },
};

/** @throws when one failed */
export async function logIns(
  contestant: Contestant,
  count: number,
  tls: boolean,
  processor: number | undefined,
): Promise<Logins> {
  const before = cpuSecondsOf(contestant.pids());
  const { servedMs, failures } = await storm(contestant, { count, atOnce: 20, tls, stay: false, processor });
  const cpuSeconds = cpuSecondsOf(contestant.pids()) - before;
  const [reason] = Object.keys(failures);
  if (reason !== undefined) throw new Error(`logins through ${contestant.name}: ${reason}`);
  return {
    perSecond: servedMs.length / ((servedMs.at(-1) ?? Number.NaN) / 1000),
    cpuMicrosEach: (cpuSeconds * 1e6) / servedMs.length,
  };
}
