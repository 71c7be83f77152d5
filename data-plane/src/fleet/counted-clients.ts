/** Clients that have logged in, by tenant and whose limit they fall under: their user's own, or the tenant's. */
export class CountedClients {
  readonly #counts = new Map<string, number>();
  readonly #totals = new Map<string, number>();
  readonly #byWorker = new Map<number, Map<string, number>>();

  of(tenant: string, user: string | undefined): number {
    return this.#counts.get(keyOf(tenant, user)) ?? 0;
  }

  /** Of all the tenant's users. */
  total(tenant: string): number {
    return this.#totals.get(tenant) ?? 0;
  }

  add(worker: number, tenant: string, user: string | undefined, count = 1): void {
    const ofWorker = this.#byWorker.get(worker) ?? new Map<string, number>();
    this.#byWorker.set(worker, ofWorker);
    this.#change(ofWorker, tenant, keyOf(tenant, user), count);
  }

  /** Those that were not counted are not taken away. */
  remove(worker: number, tenant: string, user: string | undefined, count = 1): void {
    const ofWorker = this.#byWorker.get(worker);
    const key = keyOf(tenant, user);
    const counted = Math.min(count, ofWorker?.get(key) ?? 0);
    if (ofWorker !== undefined && counted > 0) this.#change(ofWorker, tenant, key, -counted);
  }

  /** @returns the tenants that had clients there */
  workerGone(worker: number): ReadonlySet<string> {
    const ofWorker = this.#byWorker.get(worker) ?? new Map<string, number>();
    const tenants = new Set<string>();
    for (const [key, count] of [...ofWorker]) {
      const tenant = key.slice(0, key.indexOf("\0"));
      tenants.add(tenant);
      this.#change(ofWorker, tenant, key, -count);
    }
    this.#byWorker.delete(worker);
    return tenants;
  }

  #change(ofWorker: Map<string, number>, tenant: string, key: string, by: number): void {
    add(ofWorker, key, by);
    add(this.#counts, key, by);
    add(this.#totals, tenant, by);
  }
}

/** No user name is empty. */
function keyOf(tenant: string, user: string | undefined): string {
  return `${tenant}\0${user ?? ""}`;
}

function add(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
