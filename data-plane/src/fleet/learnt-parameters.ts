import type { LearntParameters } from "../pool/index.js";

/**
 * What servers have reported, by tenant, in the primary: so a client is greeted alike by every worker, and by one that
 * begins while the database is down.
 */
export class LearntByTenant {
  readonly #byTenant = new Map<string, Map<string, LearntParameters>>();

  add(learnt: LearntParameters): void {
    const ofTenant = this.#byTenant.get(learnt.tenant) ?? new Map<string, LearntParameters>();
    this.#byTenant.set(learnt.tenant, ofTenant.set(JSON.stringify([learnt.database, learnt.user]), learnt));
  }

  forget(tenant: string): void {
    this.#byTenant.delete(tenant);
  }

  *all(): Iterable<LearntParameters> {
    for (const ofTenant of this.#byTenant.values()) yield* ofTenant.values();
  }
}
