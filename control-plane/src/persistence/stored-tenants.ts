import { tenantRecordId } from "@sluice/shared/bundle";
import type { DataSource } from "typeorm";
import { makeTenantRecord } from "../publishing/index.js";
import type { StoredTenant, Tenant, TenantStore } from "../tenants/index.js";
import { allScopes, takeGeneration } from "./scope-rows.js";
import { TenantRows } from "./tenant-rows.js";
import type { Vault } from "./vault.js";

/** Tenants in Postgres. A change, its records and its generation are one transaction. */
export class StoredTenants implements TenantStore {
  readonly #dataSource: DataSource;
  readonly #vault: Vault;
  readonly #rows: TenantRows;

  constructor(dataSource: DataSource, vault: Vault) {
    this.#dataSource = dataSource;
    this.#vault = vault;
    this.#rows = new TenantRows(vault);
  }

  find(externalId: string): Promise<StoredTenant | undefined> {
    return this.#rows.find(this.#dataSource.manager, externalId, false);
  }

  list(after: string | undefined, limit: number): Promise<readonly StoredTenant[]> {
    return this.#rows.list(this.#dataSource.manager, after, limit);
  }

  change(
    externalId: string,
    decide: (stored: StoredTenant | undefined) => Promise<Tenant | undefined>,
  ): Promise<{ tenant: StoredTenant; created: boolean; changed: boolean }> {
    return this.#dataSource.transaction(async (manager) => {
      // A lock on the name, since a tenant that is not there yet has no row to lock.
      await manager.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`tenant/${externalId}`]);
      const stored = await this.#rows.find(manager, externalId, true);
      const wanted = await decide(stored);
      if (wanted === undefined) {
        if (stored === undefined) throw new Error("nothing to write for a tenant that is not there");
        return { tenant: stored, created: false, changed: false };
      }
      const tenant = await this.#rows.save(manager, wanted, stored);
      await takeGeneration(manager).then(async (generation) => {
        // Read behind the generation's lock: a scope that was made meanwhile is seen.
        for (const { scope, dataKey } of await allScopes(manager, this.#vault)) {
          await manager.query(
            "INSERT INTO records (scope, id, body) VALUES ($1, $2, $3) ON CONFLICT (scope, id) DO UPDATE SET body = excluded.body",
            [scope, tenantRecordId(externalId), Buffer.from(makeTenantRecord(tenant, scope, dataKey))],
          );
        }
        await manager.query("UPDATE scopes SET generation = $1", [String(generation)]);
      });
      return { tenant, created: stored === undefined, changed: true };
    });
  }

  remove(externalId: string): Promise<boolean> {
    return this.#dataSource.transaction(async (manager) => {
      await manager.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`tenant/${externalId}`]);
      if ((await this.#rows.find(manager, externalId, true)) === undefined) return false;
      await this.#rows.remove(manager, externalId);
      const generation = await takeGeneration(manager);
      await manager.query("DELETE FROM records WHERE id = $1", [tenantRecordId(externalId)]);
      await manager.query("INSERT INTO removals (external_id, generation) VALUES ($1, $2)", [
        externalId,
        String(generation),
      ]);
      await manager.query("UPDATE scopes SET generation = $1", [String(generation)]);
      return true;
    });
  }
}
