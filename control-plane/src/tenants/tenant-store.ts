import type { Actor, Difference } from "../audit/index.js";
import type { StoredTenant, Tenant } from "./tenant.js";

export interface TenantChange {
  readonly tenant: StoredTenant;
  readonly outcome: "created" | "updated" | "unchanged";
  /** Undefined: nothing was changed. */
  readonly generation: bigint | undefined;
  readonly difference: Difference;
}

export type TenantAction =
  | "created"
  | "updated"
  | "banned"
  | "unbanned"
  | "terminated"
  | "paused"
  | "resumed"
  | "bans-cleared"
  | "credentials-updated";

export interface TenantFilter {
  /** Served in this region, those of every region included. */
  readonly region?: string | undefined;
  readonly dbHost?: string | undefined;
  /** Whether a ban is in force now. */
  readonly banned?: boolean | undefined;
  /** In the external_id, host, database or a user's name, whatever the case. */
  readonly text?: string | undefined;
}

export interface WantedChange {
  readonly tenant: Tenant;
  readonly action: TenantAction;
}

/** The database, as the tenants see it. Each call is one transaction. */
export interface TenantStore {
  find(externalId: string): Promise<StoredTenant | undefined>;
  /** Ordered by external_id, byte by byte, from behind `after`. */
  list(filter: TenantFilter, after: string | undefined, limit: number): Promise<readonly StoredTenant[]>;
  /**
   * Reads the tenant under a lock, and writes what `decide` returns together with its records, a generation and the
   * audit's entry. `decide` that returns undefined leaves the stored one as it is: nothing is written, no generation
   * taken.
   * @throws TenantInvalid when a name means something else already
   */
  change(
    externalId: string,
    actor: Actor,
    decide: (stored: StoredTenant | undefined) => Promise<WantedChange | undefined>,
  ): Promise<TenantChange>;
  /**
   * False when there is none. `check` may throw.
   * @throws TenantInCluster
   */
  remove(externalId: string, actor: Actor, check: (stored: StoredTenant) => void): Promise<boolean>;
  /** Throws as `change` would for names; for a dry run. */
  checkNames(tenant: Tenant): Promise<void>;
}
