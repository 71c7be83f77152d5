import { scopeOfRegion, tenantRecordId } from "@sluice/shared/bundle";
import type { EntityManager } from "typeorm";
import { makeTenantRecord } from "../publishing/index.js";
import type { Tenant } from "../tenants/index.js";
import type { Scope } from "./scope-rows.js";

/** So that one statement stays far below Postgres' 1 GiB. */
const ROWS_A_STATEMENT = 500;

/** Whether a scope's data planes serve a tenant. */
export function isInScope({ regions }: Pick<Tenant, "regions">, scope: string): boolean {
  return regions === null || regions.some((region) => scopeOfRegion(region) === scope);
}

/**
 * The tenants' records in one scope. Their bytes, sealed secrets included, are made here, once, and stored: every
 * replica and every restart sends these.
 */
export async function writeTenantRecords(
  manager: EntityManager,
  { scope, dataKey }: Scope,
  tenants: readonly Tenant[],
  generation: bigint,
): Promise<void> {
  for (let from = 0; from < tenants.length; from += ROWS_A_STATEMENT) {
    const some = tenants.slice(from, from + ROWS_A_STATEMENT);
    await manager.query(
      `INSERT INTO sluice.records (scope, id, body, created_generation, generation)
       SELECT $1, id, body, $4::bigint, $4::bigint FROM unnest($2::text[], $3::bytea[]) AS made (id, body)
       ON CONFLICT (scope, id) DO UPDATE SET body = excluded.body, generation = excluded.generation`,
      [
        scope,
        some.map(({ externalId }) => tenantRecordId(externalId)),
        some.map((tenant) => Buffer.from(makeTenantRecord(tenant, scope, dataKey))),
        String(generation),
      ],
    );
  }
}

/**
 * From every scope but those named, leaving a trace: a snapshot that drops them may say that somebody wanted it.
 * @returns the scopes that had one
 */
export async function removeTenantRecords(
  manager: EntityManager,
  externalId: string,
  generation: bigint,
  kept: readonly Scope[],
): Promise<readonly string[]> {
  const rows: { scope: string }[] = await manager.query(
    `WITH gone AS (
       DELETE FROM sluice.records WHERE id = $1 AND NOT (scope = ANY ($3::text[]))
       RETURNING scope, id, created_generation),
     traced AS (
       INSERT INTO sluice.removals (scope, generation, id, created_generation)
       SELECT scope, $2::bigint, id, created_generation FROM gone)
     SELECT scope FROM gone`,
    [tenantRecordId(externalId), String(generation), kept.map(({ scope }) => scope)],
  );
  return rows.map(({ scope }) => scope);
}

/** Which scopes a generation has touched. The others are sent nothing. */
export async function markScopes(
  manager: EntityManager,
  scopes: readonly string[],
  generation: bigint,
): Promise<void> {
  await manager.query("UPDATE sluice.scopes SET generation = $1 WHERE scope = ANY ($2)", [
    String(generation),
    scopes,
  ]);
}
