import {
  addCounts,
  emptyRow,
  type FleetFigures,
  histogramOf,
  isBehind,
  type PoolRow,
  type PoolTotal,
  poolName,
} from "../metrics/index.js";

export interface DatabaseTotal {
  readonly tenant: string;
  readonly database: string;
  /** Counters and histograms; no gauges. */
  readonly row: PoolRow;
}

/** Of databases without a pool; beyond it the ones that were first forgotten are. */
const MOST_KEPT = 10_000;

/**
 * What was counted since the start, by tenant and database. Figures forget a pool that rests; its counts are kept here, as
 * the last call of `now` saw them: no total goes back behind what was shown.
 */
export class DatabaseTotals {
  readonly #figures: FleetFigures;
  /** Pools of the last call, by `poolName`. */
  #last: ReadonlyMap<string, PoolTotal> = new Map();
  /** Counted by pools that are forgotten, by database; oldest first. */
  readonly #forgotten = new Map<string, DatabaseTotal>();

  constructor(figures: FleetFigures) {
    this.#figures = figures;
  }

  /** By `databaseKey`. */
  now(): ReadonlyMap<string, DatabaseTotal> {
    const pools = new Map(this.#figures.pools().map((each) => [poolName(each.pool), each]));
    for (const [name, last] of this.#last) {
      const now = pools.get(name);
      // One that is behind was forgotten, and made anew.
      if (now === undefined || isBehind(now.row, last.row)) this.#keep(last);
    }
    this.#last = pools;
    const totals = new Map<string, DatabaseTotal>();
    for (const { tenant, database, row } of this.#forgotten.values()) add(totals, tenant, database, row);
    for (const { pool, row } of pools.values()) add(totals, pool.tenant, pool.database, row);
    return totals;
  }

  #keep({ pool: { tenant, database }, row }: PoolTotal): void {
    // Names of databases that are not there are as many as clients make up.
    if (histogramOf(row, "checkout").count === 0) return;
    add(this.#forgotten, tenant, database, row);
    const [oldest] = this.#forgotten.keys();
    if (this.#forgotten.size > MOST_KEPT && oldest !== undefined) this.#forgotten.delete(oldest);
  }
}

export function databaseKey(tenant: string, database: string): string {
  return JSON.stringify([tenant, database]);
}

function add(totals: Map<string, DatabaseTotal>, tenant: string, database: string, row: PoolRow): void {
  const key = databaseKey(tenant, database);
  const total = totals.get(key) ?? { tenant, database, row: emptyRow() };
  addCounts(total.row, row);
  totals.set(key, total);
}
