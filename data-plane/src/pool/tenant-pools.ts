import { KnownParameters } from "./known-parameters.js";
import type { LoneServers } from "./lone-servers.js";
import type { Pool } from "./pool.js";

/** Names of databases and users whose servers' parameters are remembered without a pool: the last ones. */
const MOST_KNOWN_UNUSED = 200;

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
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    // Others may have been learnt of the other workers, without a pool here.
    if (this.#known.size >= this.#entries.size + 2 * MOST_KNOWN_UNUSED) this.#forgetUnused();
    const made = new KnownParameters();
    this.#known.set(name, made);
    return made;
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
      // An end to a pause does not come here any more, and the pause's timer would keep the pool until then.
      pool.retire();
      pool.meter.rest();
    }
    if (this.#entries.size !== before) this.#forgetUnused();
  }

  /** A client may name any database: of those that nobody has reached nothing is kept, and of the others not all. */
  #forgetUnused(): void {
    const used = new Set(this.all.map(({ pool }) => pool.known));
    const unused = [...this.#known].filter(([, known]) => !used.has(known));
    const reached = unused.filter(([, { base }]) => base !== undefined);
    const kept = new Set(reached.slice(-MOST_KNOWN_UNUSED));
    for (const entry of unused) if (!kept.has(entry)) this.#known.delete(entry[0]);
  }
}
