import { cell } from "../cells.js";
import type { Contestant } from "../contestants/contestant.js";
import { startPlainRelay } from "../contestants/plain-relay.js";
import { type PgbenchFigures, pgbench } from "../load/pgbench.js";
import { warmUp } from "../load/warm-up.js";
import type { Measure, Row } from "../measure.js";
import { inTurns } from "../rounds.js";
import { median, ratioOf } from "../statistics.js";

const CLIENTS = [1, 20, 100];

/** The least that a transaction can cost on Node's own sockets: what is beyond it is ours, what is below it nobody's. */
export const floor: Measure = {
  name: "floor",
  what: "processor time of a transaction of pgbench -S, simple protocol, beside relays of twenty lines that look at nothing and have a server for each client: on node:net, and on its handles as the product",
  async measure({ course, sluice, pgbouncer, quick, loadProcessor: processor, note }) {
    const relays: Contestant[] = [];
    try {
      for (const way of ["streams", "handles"] as const) relays.push(await startPlainRelay(course, way));
      const contestants: Contestant[] = [sluice, ...relays, ...(pgbouncer === undefined ? [] : [pgbouncer])];
      await warmUp(contestants, { protocol: "simple", tls: false, processor }, quick);
      const rows: Row[] = [];
      const rounds: Record<string, unknown> = {};
      for (const clients of CLIENTS) {
        const name = `c=${clients}`;
        await cell(rows, name, note, async () => {
          const load = {
            protocol: "simple" as const,
            clients,
            tls: false,
            seconds: quick ? 2 : 4,
            processor,
          };
          const results = await inTurns(contestants, quick ? 2 : 5, (contestant) =>
            pgbench(contestant, load),
          );
          rounds[name] = Object.fromEntries(results);
          return valuesOf(results);
        });
      }
      return { rows, rounds, plot: undefined };
    } finally {
      for (const relay of relays) await relay.stop();
    }
  },
};

function valuesOf(results: ReadonlyMap<string, readonly PgbenchFigures[]>): Row["values"] {
  const cpu = (name: string): readonly number[] =>
    results.get(name)?.map((round) => round.cpuMicrosPerTransaction) ?? [];
  const [ours, theirs] = [cpu("sluice"), cpu("pgbouncer")];
  const [streams, handles] = [cpu("plain relay"), cpu("relay on handles")];
  return {
    "sluice CPU µs": median(ours),
    "plain relay CPU µs": median(streams),
    "relay on handles CPU µs": median(handles),
    "pgbouncer CPU µs": median(theirs),
    "plain relay / pgbouncer": ratioOf(streams, theirs).median,
    "relay on handles / pgbouncer": ratioOf(handles, theirs).median,
    "sluice / pgbouncer": ratioOf(ours, theirs).median,
  };
}
