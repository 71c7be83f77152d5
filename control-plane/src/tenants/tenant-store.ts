import type { StoredTenant, Tenant } from "./tenant.js";

export interface TenantChange {
  readonly tenant: StoredTenant;
  readonly outcome: "created" | "updated" | "unchanged";
}

/** The database, as the tenants see it. Each call is one transaction. */
export interface TenantStore {
  find(externalId: string): Promise<StoredTenant | undefined>;
  /** Ordered by external_id, byte by byte, from behind `after`. */
  list(after: string | undefined, limit: number): Promise<readonly StoredTenant[]>;
  /**
   * Reads the tenant under a lock, and writes what `decide` returns together with its records and a generation.
   * `decide` that returns undefined leaves the stored one as it is: nothing is written, no generation taken.
   */
  change(
    externalId: string,
    decide: (stored: StoredTenant | undefined) => Promise<Tenant | undefined>,
  ): Promise<TenantChange>;
  /** False when there is none. */
  remove(externalId: string): Promise<boolean>;
}
