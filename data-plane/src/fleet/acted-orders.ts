import type { Clock } from "@sluice/shared/time";
import type { ActedOrder } from "../subscription/index.js";

/** A worker that is busy for longer acts later; the ack does not wait for it. */
const PATIENCE_MS = 2000;

/** What became of the orders in the states that the workers were sent: in the primary, until it is acked. */
export class ActedOrders {
  readonly #clock: Clock;
  readonly #counts = new Map<string, Map<string, number>>();
  /** By the number of the state: the workers that have not answered. */
  readonly #outstanding = new Map<number, Set<number>>();
  #settled: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A state with orders for these tenants went to these workers. */
  given(state: number, tenants: Iterable<string>, workers: Iterable<number>): void {
    for (const tenant of tenants) if (!this.#counts.has(tenant)) this.#counts.set(tenant, new Map());
    const asked = new Set(workers);
    if (asked.size > 0) this.#outstanding.set(state, asked);
  }

  /** What the primary itself has done for an order of the state that is given next. */
  done(tenant: string, counts: Readonly<Record<string, number>>): void {
    const sum = this.#counts.get(tenant) ?? new Map<string, number>();
    this.#counts.set(tenant, sum);
    for (const [name, count] of Object.entries(counts)) sum.set(name, (sum.get(name) ?? 0) + count);
  }

  answered(worker: number, state: number, results: readonly ActedOrder[]): void {
    // One that was not asked for tells of no order.
    for (const { tenant, counts } of results) {
      const sum = this.#counts.get(tenant);
      if (sum === undefined) continue;
      for (const [name, count] of Object.entries(counts)) sum.set(name, (sum.get(name) ?? 0) + count);
    }
    this.#answered(worker, state);
  }

  /** With the worker went all that it should have ended. */
  gone(worker: number): void {
    for (const state of [...this.#outstanding.keys()]) this.#answered(worker, state);
  }

  /** All since the last time, once every worker has answered, after 2 s at the latest. One caller at a time. */
  async take(): Promise<readonly ActedOrder[]> {
    if (this.#outstanding.size > 0) {
      await new Promise<void>((resolve) => {
        const late = this.#clock.schedule(PATIENCE_MS, resolve);
        this.#settled = () => {
          late.cancel();
          resolve();
        };
      });
      this.#settled = undefined;
      this.#outstanding.clear();
    }
    const acted = [...this.#counts].map(([tenant, counts]) => ({
      tenant,
      counts: Object.fromEntries(counts),
    }));
    this.#counts.clear();
    return acted;
  }

  #answered(worker: number, state: number): void {
    const asked = this.#outstanding.get(state);
    asked?.delete(worker);
    if (asked?.size === 0) this.#outstanding.delete(state);
    if (this.#outstanding.size === 0) this.#settled?.();
  }
}
