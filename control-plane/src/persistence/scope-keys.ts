import type { DataKey } from "@sluice/shared/secrets";
import type { EntityManager } from "typeorm";
import { writeTenantRecords } from "./tenant-records.js";
import type { TenantRows } from "./tenant-rows.js";
import type { Vault } from "./vault.js";

/** Tenants that are read and sealed at once. */
const TENANTS_A_READ = 500;
/** A state that is sealed by the key before may still be on its way to somebody for so long. */
const RETIRED_MS = 3600 * 1000;

export interface NewDataKey {
  readonly scope: string;
  readonly dataKey: DataKey;
  /** Taken in this transaction. */
  readonly generation: bigint;
  readonly at: Date;
}

/** Gives a scope another data key, and seals all its records anew. */
export async function replaceDataKey(
  manager: EntityManager,
  { scope, dataKey, generation, at }: NewDataKey,
  vault: Vault,
  rows: TenantRows,
): Promise<void> {
  await manager.query("DELETE FROM sluice.retired_data_keys WHERE scope = $1 AND retired_at < $2", [
    scope,
    new Date(at.getTime() - RETIRED_MS),
  ]);
  await manager.query(
    `INSERT INTO sluice.retired_data_keys (key_id, scope, data_key_encrypted, vault_key_id, retired_at)
     SELECT data_key_id, scope, data_key_encrypted, vault_key_id, $2 FROM sluice.scopes WHERE scope = $1`,
    [scope, at],
  );
  await manager.query(
    "UPDATE sluice.scopes SET data_key_id = $2, data_key_encrypted = $3, vault_key_id = $4 WHERE scope = $1",
    [scope, dataKey.id, vault.seal(dataKey.key), vault.keyId],
  );
  let after: string | undefined;
  for (;;) {
    const tenants = await rows.list(manager, {}, { after, limit: TENANTS_A_READ, now: at });
    await writeTenantRecords(manager, { scope, dataKey }, tenants, generation);
    if (tenants.length < TENANTS_A_READ) return;
    after = tenants.at(-1)?.externalId;
  }
}

/** Replaced within the last hour: whoever is being sent a state that they seal needs them, too. */
export async function retiredDataKeys(
  manager: EntityManager,
  scope: string,
  vault: Vault,
  now: Date,
): Promise<readonly DataKey[]> {
  const rows: { key_id: string; data_key_encrypted: Buffer; vault_key_id: string }[] = await manager.query(
    `SELECT key_id, data_key_encrypted, vault_key_id FROM sluice.retired_data_keys
     WHERE scope = $1 AND retired_at >= $2 ORDER BY retired_at`,
    [scope, new Date(now.getTime() - RETIRED_MS)],
  );
  return rows.map((row) => ({ id: row.key_id, key: vault.open(row.data_key_encrypted, row.vault_key_id) }));
}
