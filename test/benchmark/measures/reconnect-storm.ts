import { readFileSync } from "node:fs";
import pg from "pg";
import { cell } from "../cells.js";
import type { Course } from "../contestants/contestant.js";
import { storm, stormName } from "../load/storm.js";
import type { Measure, Row } from "../measure.js";
import { cpuSecondsOf } from "../processes.js";
import { percentile } from "../statistics.js";

/** What happens after a restart: everybody comes back at once. */
export const reconnectStorm: Measure = {
  name: "reconnect-storm",
  what: "clients that come at the same moment, log in by SCRAM, ask once and stay: until the last is served",
  async measure({ course, sluice, pgbouncer, quick, note }) {
    const rows: Row[] = [];
    const rounds: Record<string, unknown> = {};
    for (const count of quick ? [1000] : [1000, 10_000]) {
      for (const contestant of pgbouncer === undefined ? [sluice] : [sluice, pgbouncer]) {
        const name = `${contestant.name}, ${count.toLocaleString("en-US")} clients`;
        await cell(rows, name, note, async () => {
          const watch = await Backends.watch(course, stormName(contestant));
          const cpuBefore = cpuSecondsOf(contestant.pids());
          const { servedMs, failures } = await storm(contestant, {
            ...{ count, atOnce: count, tls: false, stay: true },
          });
          const cpuSeconds = cpuSecondsOf(contestant.pids()) - cpuBefore;
          const most = await watch.stop();
          rounds[name] = { failures, servedMs: servedMs.filter((_, at) => at % 100 === 0), most };
          const refused = Object.values(failures).reduce((sum, times) => sum + times, 0);
          return {
            served: servedMs.length,
            "not served": refused,
            "first half by s": percentile(servedMs, 0.5) / 1000,
            "last by s": percentile(servedMs, 1) / 1000,
            "CPU µs each": (cpuSeconds * 1e6) / Math.max(1, servedMs.length),
            "most servers": most,
          };
        });
      }
    }
    rows.push({ cell: `the kernel's bound on a backlog (somaxconn): ${somaxconn()}`, values: {} });
    return { rows, rounds, plot: undefined };
  },
};

function somaxconn(): string {
  try {
    return readFileSync("/proc/sys/net/core/somaxconn", "utf8").trim();
  } catch {
    return "unknown";
  }
}

const LOOK_EVERY_MS = 100;

/** How many connections the database saw at most. */
class Backends {
  readonly #client: pg.Client;
  readonly #applicationName: string;
  readonly #timer: NodeJS.Timeout;
  #most = 0;
  #looking: Promise<void> = Promise.resolve();

  private constructor(client: pg.Client, applicationName: string) {
    this.#client = client;
    this.#applicationName = applicationName;
    this.#timer = setInterval(() => {
      this.#looking = this.#look();
    }, LOOK_EVERY_MS);
  }

  static async watch(course: Course, applicationName: string): Promise<Backends> {
    const { host, port, user, password, database } = course;
    const client = new pg.Client({ host, port, user, password, database });
    await client.connect();
    return new Backends(client, applicationName);
  }

  async stop(): Promise<number> {
    clearInterval(this.#timer);
    await this.#looking;
    await this.#look();
    await this.#client.end();
    return this.#most;
  }

  async #look(): Promise<void> {
    const { rows } = await this.#client.query<{ count: number }>(
      "SELECT count(*)::int AS count FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name = $1",
      [this.#applicationName],
    );
    this.#most = Math.max(this.#most, rows[0]?.count ?? 0);
  }
}
