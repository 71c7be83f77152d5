import { scopeOfRegion, tenantRecordId } from "@sluice/shared/bundle";
import type { EntityManager } from "typeorm";
import { makeTenantRecord } from "../publishing/index.js";
import type { Tenant } from "../tenants/index.js";
import { removeRecord, writeRecords } from "./record-rows.js";
import type { Scope } from "./scope-rows.js";

/** Whether a scope's data planes serve a tenant. */
export function isInScope({ regions }: Pick<Tenant, "regions">, scope: string): boolean {
  return regions === null || regions.some((region) => scopeOfRegion(region) === scope);
}

/**
 * The tenants' records in one scope, of those that are in it. Their bytes, sealed secrets included, are made here,
 * once, and stored: every replica and every restart sends these.
 */
export async function writeTenantRecords(
  manager: EntityManager,
  { scope, dataKey }: Scope,
  tenants: readonly Tenant[],
  generation: bigint,
): Promise<void> {
  const records = tenants
    .filter((tenant) => isInScope(tenant, scope))
    .map((tenant) => ({
      id: tenantRecordId(tenant.externalId),
      body: makeTenantRecord(tenant, scope, dataKey),
    }));
  await writeRecords(manager, scope, records, generation);
}

/**
 * A changed tenant in every scope.
 * @returns the scopes that the change touches
 */
export async function replaceTenantRecords(
  manager: EntityManager,
  scopes: readonly Scope[],
  tenant: Tenant,
  generation: bigint,
): Promise<readonly string[]> {
  const served: string[] = [];
  const left: string[] = [];
  for (const scope of scopes) {
    (isInScope(tenant, scope.scope) ? served : left).push(scope.scope);
    await writeTenantRecords(manager, scope, [tenant], generation);
  }
  return [...served, ...(await removeRecord(manager, tenantRecordId(tenant.externalId), generation, left))];
}

/** @returns the scopes that had one */
export function removeTenantRecords(
  manager: EntityManager,
  externalId: string,
  generation: bigint,
): Promise<readonly string[]> {
  return removeRecord(manager, tenantRecordId(externalId), generation, undefined);
}
