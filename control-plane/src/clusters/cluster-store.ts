import type { Actor, Difference } from "../audit/index.js";
import type { Cluster, StoredCluster } from "./cluster.js";

export interface ClusterChange {
  readonly cluster: StoredCluster;
  readonly outcome: "created" | "updated" | "unchanged";
  readonly difference: Difference;
}

/** The database, as the clusters see it. Each call is one transaction. */
export interface ClusterStore {
  find(alias: string): Promise<StoredCluster | undefined>;
  /** Ordered by alias, byte by byte, from behind `after`. */
  list(after: string | undefined, limit: number): Promise<readonly StoredCluster[]>;
  /**
   * As the tenants' `change`.
   * @throws TenantInvalid for members that are no tenants, and for an alias that is one
   */
  change(
    alias: string,
    actor: Actor,
    decide: (stored: StoredCluster | undefined) => Cluster | undefined,
  ): Promise<ClusterChange>;
  /** False when there is none. `check` may throw. */
  remove(alias: string, actor: Actor, check: (stored: StoredCluster) => void): Promise<boolean>;
  /** Throws as `change` would; for a dry run. */
  checkNames(cluster: Cluster): Promise<void>;
}
