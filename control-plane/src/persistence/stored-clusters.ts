import { clusterRecordId } from "@sluice/shared/bundle";
import type { Clock } from "@sluice/shared/time";
import type { DataSource, EntityManager } from "typeorm";
import { type Actor, type Difference, differenceOf } from "../audit/index.js";
import {
  type Cluster,
  type ClusterChange,
  type ClusterStore,
  publicClusterFields,
  type StoredCluster,
} from "../clusters/index.js";
import { TenantInvalid } from "../tenants/index.js";
import { ClusterEntity } from "./cluster-entities.js";
import { replaceClusterRecords } from "./cluster-records.js";
import { findCluster, listClusters, saveCluster } from "./cluster-rows.js";
import { orFieldProblems } from "./constraint-violation.js";
import { removeRecord } from "./record-rows.js";
import { allScopes, markScopes, takeGeneration } from "./scope-rows.js";
import { orUnavailable } from "./store-unavailable.js";
import { appendAudit } from "./stored-audit.js";
import type { Vault } from "./vault.js";
import { checkClusterAlias, lockName } from "./wire-names.js";

/** Clusters in Postgres. A change, its records, its generation and the audit's entry are one transaction. */
export class StoredClusters implements ClusterStore {
  readonly #dataSource: DataSource;
  readonly #vault: Vault;
  readonly #clock: Clock;

  constructor(dataSource: DataSource, vault: Vault, clock: Clock) {
    this.#dataSource = dataSource;
    this.#vault = vault;
    this.#clock = clock;
  }

  find(alias: string): Promise<StoredCluster | undefined> {
    return orUnavailable(findCluster(this.#dataSource.manager, alias, { forUpdate: false }));
  }

  list(after: string | undefined, limit: number): Promise<readonly StoredCluster[]> {
    return orUnavailable(listClusters(this.#dataSource.manager, after, limit));
  }

  change(
    alias: string,
    actor: Actor,
    decide: (stored: StoredCluster | undefined) => Cluster | undefined,
  ): Promise<ClusterChange> {
    return this.#transaction(alias, async (manager, stored) => {
      const wanted = decide(stored);
      if (wanted === undefined) {
        if (stored === undefined) throw new Error("there is no cluster to leave as it is");
        return { cluster: stored, outcome: "unchanged", difference: {} };
      }
      const tenantIds = await tenantsOf(manager, wanted);
      await checkClusterAlias(manager, alias);
      const now = new Date(this.#clock.now());
      const cluster = await saveCluster(manager, wanted, stored, tenantIds, now);
      const generation = await takeGeneration(manager);
      const scopes = (await allScopes(manager, this.#vault)).map(({ scope }) => scope);
      const touched = await replaceClusterRecords(manager, scopes, cluster, generation);
      await markScopes(manager, touched, generation);
      const difference = differenceOf(stored && publicClusterFields(stored), publicClusterFields(cluster));
      const action = stored === undefined ? "created" : "updated";
      await this.#audit(manager, actor, action, alias, generation, difference, now);
      return { cluster, outcome: action, difference };
    });
  }

  remove(alias: string, actor: Actor, check: (stored: StoredCluster) => void): Promise<boolean> {
    return this.#transaction(alias, async (manager, stored) => {
      if (stored === undefined) return false;
      check(stored);
      await manager.delete(ClusterEntity, { id: stored.id });
      const generation = await takeGeneration(manager);
      const touched = await removeRecord(manager, clusterRecordId(alias), generation, undefined);
      await markScopes(manager, touched, generation);
      const difference = differenceOf(publicClusterFields(stored), undefined);
      const now = new Date(this.#clock.now());
      await this.#audit(manager, actor, "deleted", alias, generation, difference, now);
      return true;
    });
  }

  checkNames(cluster: Cluster): Promise<void> {
    const { manager } = this.#dataSource;
    return orUnavailable(tenantsOf(manager, cluster).then(() => checkClusterAlias(manager, cluster.alias)));
  }

  #audit(
    manager: EntityManager,
    actor: Actor,
    action: string,
    cluster: string,
    generation: bigint,
    difference: Difference,
    now: Date,
  ): Promise<void> {
    const record = { actor, action: `cluster.${action}`, tenant: null, cluster, generation, difference };
    return appendAudit(manager, record, now);
  }

  #transaction<T>(
    alias: string,
    work: (manager: EntityManager, stored: StoredCluster | undefined) => Promise<T>,
  ): Promise<T> {
    const transaction = this.#dataSource.transaction(async (manager) => {
      await lockName(manager, alias);
      return work(manager, await findCluster(manager, alias, { forUpdate: true }));
    });
    return orUnavailable(orFieldProblems(transaction));
  }
}

/** The ids of the members, by external_id. @throws TenantInvalid for those that are no tenants */
async function tenantsOf(manager: EntityManager, { members }: Cluster): Promise<ReadonlyMap<string, string>> {
  const rows: { id: string; external_id: string }[] = await manager.query(
    "SELECT id, external_id FROM sluice.tenants WHERE external_id = ANY ($1)",
    [members.map(({ tenantExternalId }) => tenantExternalId)],
  );
  const ids = new Map(rows.map(({ id, external_id }) => [external_id, id]));
  const missing = members.flatMap(({ tenantExternalId }, index) =>
    ids.has(tenantExternalId)
      ? []
      : [[`cluster_tenants.${index}.tenant_external_id`, ["is not the external_id of a tenant"]]],
  );
  if (missing.length > 0) throw new TenantInvalid(Object.fromEntries(missing));
  return ids;
}
