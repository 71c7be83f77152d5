import { type LoginOutcome, loginOutcomeOf } from "./login-outcomes.js";
import { NamedPlaces } from "./named-places.js";
import type { PoolLabels } from "./pool-meter.js";
import { labelsOf } from "./pool-meters.js";
import { addCounts, addRow, counterOf, countsSince, emptyRow, gaugeOf, type PoolRow } from "./pool-row.js";
import type { ProcessFigures } from "./process-figures.js";
import type { WorkerFigures } from "./worker-figures.js";

export interface PoolTotal {
  readonly pool: PoolLabels;
  readonly row: PoolRow;
}

export interface TenantTotal {
  readonly clients: number;
  readonly waiting: number;
  readonly servers: number;
  readonly idle: number;
  readonly pinned: number;
}

interface PoolEntry {
  readonly pool: PoolLabels;
  /** Shown under its own labels; the rest are shown as one. */
  named: boolean;
  /** What had been counted when it was named: that stays with the rest. */
  before: PoolRow;
  reached: boolean;
  readonly byWorker: Map<number, PoolRow>;
  /** Counted by workers that have ended: a counter never goes back. */
  readonly ended: PoolRow;
}

/**
 * The figures of all workers of this data plane, in the primary. A worker is known by its number: `received` with
 * each report, `ended` once.
 */
export class FleetFigures {
  readonly #most: number;
  readonly #workers = new Map<number, WorkerFigures>();
  readonly #pools = new Map<string, PoolEntry>();
  readonly #others: PoolRow = emptyRow();
  readonly #logins = new Map<string, Map<number, number>>();
  readonly #places: NamedPlaces;

  /** @param most pools that are named; the others are added up, so that nobody's tenants flood a time series store */
  constructor(most: number) {
    this.#most = most;
    this.#places = new NamedPlaces(most);
  }

  received(worker: number, figures: WorkerFigures): void {
    this.#workers.set(worker, figures);
    for (const [name, row] of figures.pools) this.#take(name, worker, row);
    for (const name of figures.forgottenPools) this.#forget(name, worker);
    for (const [key, count] of figures.logins) {
      const byWorker = this.#logins.get(key) ?? new Map<number, number>();
      this.#logins.set(key, byWorker.set(worker, count));
    }
  }

  ended(worker: number): void {
    this.#workers.delete(worker);
    for (const entry of this.#pools.values()) {
      const row = entry.byWorker.get(worker);
      if (row === undefined) continue;
      addCounts(entry.ended, row);
      entry.byWorker.delete(worker);
    }
    for (const byWorker of this.#logins.values()) {
      const count = byWorker.get(worker);
      if (count === undefined) continue;
      byWorker.delete(worker);
      byWorker.set(ENDED, (byWorker.get(ENDED) ?? 0) + count);
    }
  }

  /** Sockets of clients, logged in or not. */
  get clients(): number {
    return this.#sum(({ clients }) => clients);
  }

  /** Tenants known; every worker knows them all. */
  get tenants(): number {
    return Math.max(0, ...[...this.#workers.values()].map(({ tenants }) => tenants));
  }

  get workers(): ReadonlyMap<number, ProcessFigures> {
    return new Map([...this.#workers].map(([worker, figures]) => [worker, figures.process]));
  }

  /** Every pool by itself. */
  pools(): readonly PoolTotal[] {
    return [...this.#pools.values()].map((entry) => ({ pool: entry.pool, row: totalOf(entry) }));
  }

  /** At most so many as may be named, and all others as one row. */
  shownPools(): { readonly named: readonly PoolTotal[]; readonly others: PoolRow | undefined } {
    const others = this.#others.slice();
    const named: PoolTotal[] = [];
    for (const entry of this.#pools.values()) {
      const total = totalOf(entry);
      if (entry.named) named.push({ pool: entry.pool, row: countsSince(total, entry.before) });
      else addRow(others, total);
    }
    return { named, others: others.some((value) => value !== 0) ? others : undefined };
  }

  tenantTotals(): ReadonlyMap<string, TenantTotal> {
    const totals = new Map<string, TenantTotal>();
    for (const { pool, row } of this.pools()) {
      const sum = totals.get(pool.tenant) ?? { clients: 0, waiting: 0, servers: 0, idle: 0, pinned: 0 };
      totals.set(pool.tenant, {
        clients: sum.clients + gaugeOf(row, "clients"),
        waiting: sum.waiting + gaugeOf(row, "waiting"),
        servers: sum.servers + gaugeOf(row, "servers"),
        idle: sum.idle + gaugeOf(row, "idle"),
        pinned: sum.pinned + gaugeOf(row, "pinned"),
      });
    }
    return totals;
  }

  /** By tenant and outcome; beyond the bound tenants are not told apart. */
  logins(): readonly { readonly outcome: LoginOutcome; readonly count: number }[] {
    const named: { outcome: LoginOutcome; count: number }[] = [];
    const others = new Map<string, number>();
    for (const [key, byWorker] of this.#logins) {
      const [tenant, outcome] = loginOutcomeOf(key);
      const count = [...byWorker.values()].reduce((sum, each) => sum + each, 0);
      if (named.length < this.#most) named.push({ outcome: [tenant, outcome], count });
      else others.set(outcome, (others.get(outcome) ?? 0) + count);
    }
    return [
      ...named,
      ...[...others].map(([outcome, count]) => ({ outcome: [OTHERS, outcome] as const, count })),
    ];
  }

  #sum(of: (figures: WorkerFigures) => number): number {
    let sum = 0;
    for (const figures of this.#workers.values()) sum += of(figures);
    return sum;
  }

  #take(name: string, worker: number, row: PoolRow): void {
    const known = this.#pools.get(name);
    const entry = known ?? newEntry(name);
    if (known === undefined) this.#pools.set(name, entry);
    const { tenant } = entry.pool;
    const reached = entry.reached || counterOf(row, "serversOpened") > 0;
    if (entry.named) {
      if (reached && !entry.reached) this.#places.reached(tenant);
    } else if (this.#places.take({ tenant, reached })) {
      entry.named = true;
      // The sum of the others must not go back.
      entry.before = totalOf(entry);
      addCounts(this.#others, entry.before);
    }
    entry.reached = reached;
    entry.byWorker.set(worker, row);
  }

  #forget(name: string, worker: number): void {
    const entry = this.#pools.get(name);
    if (entry === undefined) return;
    const row = entry.byWorker.get(worker);
    if (row !== undefined) addCounts(entry.ended, row);
    entry.byWorker.delete(worker);
    if (entry.byWorker.size > 0) return;
    this.#pools.delete(name);
    // The sum of the others would else go back, which a time series store takes for a restart.
    if (entry.named) this.#places.free({ tenant: entry.pool.tenant, reached: entry.reached });
    else addCounts(this.#others, entry.ended);
  }
}

/** The tenant's label of what is added up. No tenant's id has brackets. */
export const OTHERS = "(others)";
const ENDED = -1;

function newEntry(name: string): PoolEntry {
  return {
    pool: labelsOf(name),
    named: false,
    before: emptyRow(),
    reached: false,
    byWorker: new Map(),
    ended: emptyRow(),
  };
}

function totalOf({ byWorker, ended }: PoolEntry): PoolRow {
  const total = ended.slice();
  for (const row of byWorker.values()) addRow(total, row);
  return total;
}
