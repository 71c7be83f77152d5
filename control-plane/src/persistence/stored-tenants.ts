import type { Clock } from "@sluice/shared/time";
import type { DataSource, EntityManager } from "typeorm";
import type { StoredTenant, Tenant, TenantChange, TenantStore } from "../tenants/index.js";
import { allScopes, takeGeneration } from "./scope-rows.js";
import { orUnavailable } from "./store-unavailable.js";
import { isInScope, markScopes, removeTenantRecords, writeTenantRecords } from "./tenant-records.js";
import { TenantRows } from "./tenant-rows.js";
import type { Vault } from "./vault.js";

/** Tenants in Postgres. A change, its records and its generation are one transaction. */
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

  list(after: string | undefined, limit: number): Promise<readonly StoredTenant[]> {
    return orUnavailable(this.#rows.list(this.#dataSource.manager, after, limit));
  }

  change(
    externalId: string,
    decide: (stored: StoredTenant | undefined) => Promise<Tenant | undefined>,
  ): Promise<TenantChange> {
    return this.#transaction(externalId, async (manager, stored) => {
      const wanted = await decide(stored);
      if (wanted === undefined) {
        if (stored === undefined) throw new Error("there is no tenant to leave as it is");
        return { tenant: stored, outcome: "unchanged" };
      }
      const tenant = await this.#rows.save(manager, wanted, stored, new Date(this.#clock.now()));
      const generation = await takeGeneration(manager);
      const all = await allScopes(manager, this.#vault);
      const scopes = all.filter(({ scope }) => isInScope(tenant, scope));
      for (const scope of scopes) await writeTenantRecords(manager, scope, [tenant], generation);
      const left = await removeTenantRecords(manager, externalId, generation, scopes);
      await markScopes(manager, [...scopes.map(({ scope }) => scope), ...left], generation);
      return { tenant, outcome: stored === undefined ? "created" : "updated" };
    });
  }

  remove(externalId: string): Promise<boolean> {
    return this.#transaction(externalId, async (manager, stored) => {
      if (stored === undefined) return false;
      await this.#rows.remove(manager, stored.id);
      const generation = await takeGeneration(manager);
      await markScopes(manager, await removeTenantRecords(manager, externalId, generation, []), generation);
      return true;
    });
  }

  #transaction<T>(
    externalId: string,
    work: (manager: EntityManager, stored: StoredTenant | undefined) => Promise<T>,
  ): Promise<T> {
    const transaction = this.#dataSource.transaction(async (manager) => {
      // A lock on the name, since a tenant that is not there yet has no row to lock.
      await manager.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [
        `sluice/tenant/${externalId}`,
      ]);
      return work(manager, await this.#rows.find(manager, externalId, { forUpdate: true }));
    });
    return orUnavailable(transaction);
  }
}
