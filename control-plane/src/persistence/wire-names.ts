import type { EntityManager } from "typeorm";
import { type Tenant, TenantInvalid } from "../tenants/index.js";

/*
 * Names that a client may give must mean one thing. `options=reference=x` may be a tenant or a cluster; a TLS server
 * name is looked for among all tenants of a region.
 */

/** Whoever makes a tenant or cluster of this name holds it until its transaction ends. */
export async function lockName(manager: EntityManager, name: string): Promise<void> {
  // A lock on the name, since what is not there yet has no row to lock.
  await manager.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`sluice/name/${name}`]);
}

/** Behind the generation's lock, where nobody else takes a name meanwhile. @throws TenantInvalid */
export async function checkTenantNames(
  manager: EntityManager,
  { externalId, sniHostname, regions }: Tenant,
): Promise<void> {
  if (await exists(manager, "SELECT 1 FROM sluice.clusters WHERE alias = $1", [externalId])) {
    throw new TenantInvalid({
      external_id: ["is the alias of a cluster: clients could not tell them apart"],
    });
  }
  if (sniHostname === null) return;
  const others: { external_id: string }[] = await manager.query(
    `SELECT external_id FROM sluice.tenants
     WHERE lower(sni_hostname) = lower($1) AND external_id <> $2
       AND (regions IS NULL OR $3::text[] IS NULL OR regions && $3::text[])
     ORDER BY external_id LIMIT 1`,
    [sniHostname, externalId, regions],
  );
  if (others[0] !== undefined) {
    throw new TenantInvalid({
      sni_hostname: [`is that of the tenant ${others[0].external_id}: clients could not tell them apart`],
    });
  }
}

/** @throws TenantInvalid */
export async function checkClusterAlias(manager: EntityManager, alias: string): Promise<void> {
  if (await exists(manager, "SELECT 1 FROM sluice.tenants WHERE external_id = $1", [alias])) {
    throw new TenantInvalid({ alias: ["is the external_id of a tenant: clients could not tell them apart"] });
  }
}

async function exists(manager: EntityManager, sql: string, values: readonly unknown[]): Promise<boolean> {
  const rows: unknown[] = await manager.query(sql, [...values]);
  return rows.length > 0;
}
