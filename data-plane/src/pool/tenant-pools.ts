import { KnownParameters } from "./known-parameters.js";
import type { LoneServers } from "./lone-servers.js";
import type { Pool } from "./pool.js";

/** The pools of one tenant, and what is known of its databases. */
export class TenantPools<Entry extends { readonly pool: Pool }> {
  readonly #entries = new Map<string, Entry>();
  /** Retired and replaced under their name, with servers that are still open. */
  readonly #leaving = new Set<Entry>();
  #lone: LoneServers | undefined;
  readonly #known = new Map<string, KnownParameters>();

  /** The tenant is gone: once its pools are too, this is not needed any more. */
  removed = false;

  get size(): number {
    return this.#entries.size;
  }

  loneServers(make: () => LoneServers): LoneServers {
    this.#lone ??= make();
    return this.#lone;
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** Undefined, too, for one that has been retired. */
  find(name: string): Entry | undefined {
    const entry = this.#entries.get(name);
    return entry?.pool.retired === true ? undefined : entry;
  }

  add(name: string, entry: Entry): void {
    const replaced = this.#entries.get(name);
    if (replaced !== undefined) this.#leaving.add(replaced);
    this.#entries.set(name, entry);
    this.removed = false;
  }

  /** Under their names now. */
  get current(): readonly Entry[] {
    return [...this.#entries.values()];
  }

  get all(): readonly Entry[] {
    return [...this.#entries.values(), ...this.#leaving];
  }

  knownOf(name: string): KnownParameters {
    const known = this.#known.get(name) ?? new KnownParameters();
    this.#known.set(name, known);
    return known;
  }

  forgetParameters(): void {
    for (const known of this.#known.values()) known.forget();
  }

  reap(): void {
    for (const entry of this.#leaving) {
      entry.pool.reap();
      if (entry.pool.unused) this.#leaving.delete(entry);
    }
    const before = this.#entries.size;
    for (const [name, { pool }] of this.#entries) {
      pool.reap();
      if (!pool.unused) continue;
      this.#entries.delete(name);
      pool.meter.rest();
    }
    if (this.#entries.size === before) return;
    // A client may name any database: of those that nobody has reached nothing is kept.
    const used = new Set(this.all.map(({ pool }) => pool.known));
    for (const [name, known] of this.#known) {
      if (known.base === undefined && !used.has(known)) this.#known.delete(name);
    }
  }
}
