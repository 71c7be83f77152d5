import type { StoredTenant, Tenant } from "./tenant.js";

/** The database, as the tenants see it. Each call is one transaction. */
export interface TenantStore {
  find(externalId: string): Promise<StoredTenant | undefined>;
  list(after: string | undefined, limit: number): Promise<readonly StoredTenant[]>;
  /**
   * Reads the tenant under a lock, and writes what `decide` returns together with its records and a generation.
   * `decide` returning undefined writes nothing.
   */
  change(
    externalId: string,
    decide: (stored: StoredTenant | undefined) => Promise<Tenant | undefined>,
  ): Promise<{ readonly tenant: StoredTenant; readonly created: boolean; readonly changed: boolean }>;
  /** False when there is none. */
  remove(externalId: string): Promise<boolean>;
}
