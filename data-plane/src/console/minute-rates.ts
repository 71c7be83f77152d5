import type { Clock } from "@sluice/shared/time";
import type { PoolRow } from "../metrics/index.js";
import { type DatabaseTotal, type DatabaseTotals, databaseKey } from "./database-totals.js";

const PERIOD_MS = 60_000;

/** What was counted in the last whole minute, by tenant and database; PgBouncer's `stats_period`. */
export class MinuteRates {
  readonly #totals: DatabaseTotals;
  readonly #clock: Clock;
  #last: ReadonlyMap<string, DatabaseTotal> | undefined;
  #minute: ReadonlyMap<string, PoolRow> = new Map();

  constructor(totals: DatabaseTotals, clock: Clock) {
    this.#totals = totals;
    this.#clock = clock;
    this.#sample();
  }

  of(tenant: string, database: string): PoolRow | undefined {
    return this.#minute.get(databaseKey(tenant, database));
  }

  #sample(): void {
    const now = this.#totals.now();
    const before = this.#last;
    if (before !== undefined) {
      this.#minute = new Map(
        [...now].map(([key, { row }]) => [
          key,
          row.map((value, i) => value - (before.get(key)?.row[i] ?? 0)),
        ]),
      );
    }
    this.#last = now;
    this.#clock.schedule(PERIOD_MS, () => this.#sample());
  }
}
