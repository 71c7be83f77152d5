import type { Clock } from "@sluice/shared/time";
import { type FleetFigures, type PoolRow, sumOfRows } from "../metrics/index.js";

const PERIOD_MS = 60_000;

/** What was counted in the last whole minute, by tenant and database; PgBouncer's `stats_period`. */
export class MinuteRates {
  readonly #figures: FleetFigures;
  readonly #clock: Clock;
  #last: ReadonlyMap<string, PoolRow> | undefined;
  #minute: ReadonlyMap<string, PoolRow> = new Map();

  constructor(figures: FleetFigures, clock: Clock) {
    this.#figures = figures;
    this.#clock = clock;
    this.#sample();
  }

  of(tenant: string, database: string): PoolRow | undefined {
    return this.#minute.get(keyOf(tenant, database));
  }

  #sample(): void {
    const rows = new Map<string, PoolRow[]>();
    for (const { pool, row } of this.#figures.pools()) {
      const key = keyOf(pool.tenant, pool.database);
      rows.set(key, [...(rows.get(key) ?? []), row]);
    }
    const now = new Map([...rows].map(([key, parts]) => [key, sumOfRows(parts)]));
    const before = this.#last;
    if (before !== undefined) {
      this.#minute = new Map(
        [...now].map(([key, row]) => [key, row.map((value, i) => value - (before.get(key)?.[i] ?? 0))]),
      );
    }
    this.#last = now;
    this.#clock.schedule(PERIOD_MS, () => this.#sample());
  }
}

function keyOf(tenant: string, database: string): string {
  return JSON.stringify([tenant, database]);
}
