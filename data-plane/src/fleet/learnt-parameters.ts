import type { LearntParameters } from "../pool/index.js";

/** Of one tenant: the last ones. A client may name any database of its tenant. */
const MOST_OF_ONE = 200;

/**
 * What servers have reported, by tenant, in the primary: so a client is greeted alike by every worker, and by one that
 * begins while the database is down.
 */
export class LearntByTenant {
  readonly #byTenant = new Map<string, Map<string, LearntParameters>>();

  add(learnt: LearntParameters): void {
    const ofTenant = this.#byTenant.get(learnt.tenant) ?? new Map<string, LearntParameters>();
    const name = JSON.stringify([learnt.database, learnt.user]);
    ofTenant.delete(name);
    this.#byTenant.set(learnt.tenant, ofTenant.set(name, learnt));
    const [oldest] = ofTenant.keys();
    if (ofTenant.size > MOST_OF_ONE && oldest !== undefined) ofTenant.delete(oldest);
  }

  forget(tenant: string): void {
    this.#byTenant.delete(tenant);
  }

  *all(): Iterable<LearntParameters> {
    for (const ofTenant of this.#byTenant.values()) yield* ofTenant.values();
  }
}
