import { type PoolLabels, PoolMeter } from "./pool-meter.js";
import type { PoolRow } from "./pool-row.js";
import type { SlowSpans } from "./slow-spans.js";

/** A pool that was not heard of for so long is forgotten, with its counts. */
const FORGET_AFTER_MS = 1_800_000;
/** Meters of a tenant's pools that are gone; of more, those that were there first are kept. A client names its database. */
const MOST_KEPT = 100;
/** The same of pools that have never had a server. */
const MOST_KEPT_UNREACHED = 10;

interface Entry {
  readonly meter: PoolMeter;
  changedAtMs: number;
}

export interface PoolRows {
  /** By `poolName`. */
  readonly changed: ReadonlyMap<string, PoolRow>;
  readonly forgotten: readonly string[];
}

/** The meters of a worker: one for each pool there is, or was lately. A pool that is made anew goes on counting, as a rule. */
export class PoolMeters {
  readonly #entries = new Map<string, Entry>();
  readonly #slow: SlowSpans | undefined;

  constructor(slow?: SlowSpans) {
    this.#slow = slow;
  }

  of(labels: PoolLabels): PoolMeter {
    const name = poolName(labels);
    const known = this.#entries.get(name);
    if (known !== undefined) return known.meter;
    const { tenant, database, user, mode } = labels;
    const meter = new PoolMeter({ tenant, database, user, mode }, this.#slow);
    this.#entries.set(name, { meter, changedAtMs: Number.NEGATIVE_INFINITY });
    return meter;
  }

  /** What has changed since the last call. `inUse` tells of a pool that is there, idle as it may be. */
  takeChanges(nowMs: number, inUse: (name: string) => boolean): PoolRows {
    const changed = new Map<string, PoolRow>();
    const forgotten: string[] = [];
    const kept = new KeptMeters();
    for (const [name, entry] of this.#entries) {
      const row = entry.meter.takeChange();
      if (row !== undefined) {
        changed.set(name, row);
        entry.changedAtMs = nowMs;
      } else if (entry.changedAtMs === Number.NEGATIVE_INFINITY || inUse(name)) {
        entry.changedAtMs = nowMs;
      } else if (nowMs - entry.changedAtMs > FORGET_AFTER_MS || !kept.add(entry.meter)) {
        this.#entries.delete(name);
        forgotten.push(name);
      }
    }
    return { changed, forgotten };
  }
}

/** Of one look at all: how many are kept of each tenant's. */
class KeptMeters {
  readonly #reached = new Map<string, number>();
  readonly #unreached = new Map<string, number>();

  /** False: there is no room for it. */
  add({ labels: { tenant }, hasReachedServer }: PoolMeter): boolean {
    const [counts, most] = hasReachedServer
      ? [this.#reached, MOST_KEPT]
      : [this.#unreached, MOST_KEPT_UNREACHED];
    const count = counts.get(tenant) ?? 0;
    if (count >= most) return false;
    counts.set(tenant, count + 1);
    return true;
  }
}

export function poolName({ tenant, database, user, mode }: PoolLabels): string {
  return JSON.stringify([tenant, database, user, mode]);
}

export function labelsOf(poolName: string): PoolLabels {
  const [tenant, database, user, mode] = JSON.parse(poolName) as [string, string, string, PoolLabels["mode"]];
  return { tenant, database, user, mode };
}
