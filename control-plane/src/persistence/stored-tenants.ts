import type { Clock } from "@sluice/shared/time";
import type { DataSource, EntityManager } from "typeorm";
import type { Actor, Difference } from "../audit/index.js";
import {
  type StoredTenant,
  type Tenant,
  type TenantAction,
  type TenantChange,
  type TenantFilter,
  TenantInCluster,
  type TenantStore,
  tenantDifference,
  type WantedChange,
} from "../tenants/index.js";
import { replaceClusterRecords } from "./cluster-records.js";
import { clustersOf } from "./cluster-rows.js";
import { orFieldProblems, violatedConstraint } from "./constraint-violation.js";
import { allScopes, markScopes, takeGeneration } from "./scope-rows.js";
import { orUnavailable } from "./store-unavailable.js";
import { appendAudit } from "./stored-audit.js";
import { removeTenantRecords, replaceTenantRecords } from "./tenant-records.js";
import { TenantRows } from "./tenant-rows.js";
import type { Vault } from "./vault.js";
import { checkTenantNames, lockName } from "./wire-names.js";

/** Tenants in Postgres. A change, its records, its generation and the audit's entry are one transaction. */
export class StoredTenants implements TenantStore {
  readonly #dataSource: DataSource;
  readonly #vault: Vault;
  readonly #rows: TenantRows;
  readonly #clock: Clock;

  constructor(dataSource: DataSource, vault: Vault, clock: Clock) {
    this.#dataSource = dataSource;
    this.#vault = vault;
    this.#rows = new TenantRows(vault);
    this.#clock = clock;
  }

  find(externalId: string): Promise<StoredTenant | undefined> {
    return orUnavailable(this.#rows.find(this.#dataSource.manager, externalId, { forUpdate: false }));
  }

  list(filter: TenantFilter, after: string | undefined, limit: number): Promise<readonly StoredTenant[]> {
    const page = { after, limit, now: new Date(this.#clock.now()) };
    return orUnavailable(this.#rows.list(this.#dataSource.manager, filter, page));
  }

  change(
    externalId: string,
    actor: Actor,
    decide: (stored: StoredTenant | undefined) => Promise<WantedChange | undefined>,
  ): Promise<TenantChange> {
    return this.#transaction(externalId, async (manager, stored) => {
      const wanted = await decide(stored);
      if (wanted === undefined) {
        if (stored === undefined) throw new Error("there is no tenant to leave as it is");
        return { tenant: stored, outcome: "unchanged", generation: undefined, difference: {} };
      }
      const now = new Date(this.#clock.now());
      const tenant = await this.#rows.save(manager, wanted.tenant, stored, now);
      const generation = await takeGeneration(manager);
      await checkTenantNames(manager, tenant);
      await markScopes(manager, await this.#publish(manager, tenant, stored, generation), generation);
      const difference = tenantDifference(stored, tenant);
      await this.#audit(manager, actor, wanted.action, externalId, generation, difference, now);
      return { tenant, outcome: stored === undefined ? "created" : "updated", generation, difference };
    });
  }

  remove(externalId: string, actor: Actor, check: (stored: StoredTenant) => void): Promise<boolean> {
    return this.#transaction(externalId, async (manager, stored) => {
      if (stored === undefined) return false;
      check(stored);
      const clusters = await clustersOf(manager, stored.id);
      if (clusters.length > 0) {
        throw new TenantInCluster(
          externalId,
          clusters.map(({ alias }) => alias),
        );
      }
      await this.#rows.remove(manager, stored.id);
      const generation = await takeGeneration(manager);
      await markScopes(manager, await removeTenantRecords(manager, externalId, generation), generation);
      const difference = tenantDifference(stored, undefined);
      const now = new Date(this.#clock.now());
      await this.#audit(manager, actor, "deleted", externalId, generation, difference, now);
      return true;
    });
  }

  checkNames(tenant: Tenant): Promise<void> {
    return orUnavailable(checkTenantNames(this.#dataSource.manager, tenant));
  }

  /** @returns the scopes that the change touches */
  async #publish(
    manager: EntityManager,
    tenant: StoredTenant,
    stored: StoredTenant | undefined,
    generation: bigint,
  ): Promise<readonly string[]> {
    const scopes = await allScopes(manager, this.#vault);
    const touched = [...(await replaceTenantRecords(manager, scopes, tenant, generation))];
    if (stored !== undefined && String(stored.regions) !== String(tenant.regions)) {
      const names = scopes.map(({ scope }) => scope);
      for (const cluster of await clustersOf(manager, tenant.id)) {
        touched.push(...(await replaceClusterRecords(manager, names, cluster, generation)));
      }
    }
    return touched;
  }

  #audit(
    manager: EntityManager,
    actor: Actor,
    action: TenantAction | "deleted",
    tenant: string,
    generation: bigint,
    difference: Difference,
    now: Date,
  ): Promise<void> {
    const record = { actor, action: `tenant.${action}`, tenant, cluster: null, generation, difference };
    return appendAudit(manager, record, now);
  }

  #transaction<T>(
    externalId: string,
    work: (manager: EntityManager, stored: StoredTenant | undefined) => Promise<T>,
  ): Promise<T> {
    const transaction = this.#dataSource.transaction(async (manager) => {
      await lockName(manager, externalId);
      return work(manager, await this.#rows.find(manager, externalId, { forUpdate: true }));
    });
    return orUnavailable(orFieldProblems(inUse(externalId, transaction)));
  }
}

/** A cluster took the tenant in while it was being deleted. */
async function inUse<T>(externalId: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (thrown) {
    if (violatedConstraint(thrown) !== "cluster_tenants_tenant_id_fkey") throw thrown;
    throw new TenantInCluster(externalId, ["that was changed just now"]);
  }
}
