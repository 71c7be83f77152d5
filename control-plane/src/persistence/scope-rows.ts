import type { DataKey } from "@sluice/shared/secrets";
import type { EntityManager } from "typeorm";
import type { Vault } from "./vault.js";

export const GENERATION_CHANNEL = "sluice_generation";

/** The next generation. Its row stays locked until the transaction ends: nothing of an older one commits later. */
export async function takeGeneration(manager: EntityManager): Promise<bigint> {
  const result: unknown = await manager.query("UPDATE generation SET value = value + 1 RETURNING value");
  // TypeORM answers an UPDATE with [rows, count].
  const rows = (Array.isArray(result) && Array.isArray(result[0]) ? result[0] : result) as {
    value: string;
  }[];
  await manager.query("SELECT pg_notify($1, '')", [GENERATION_CHANNEL]);
  return BigInt(rows[0]?.value ?? 0);
}

export async function allScopes(
  manager: EntityManager,
  vault: Vault,
): Promise<{ scope: string; dataKey: DataKey }[]> {
  const rows: { scope: string; data_key_id: string; data_key_encrypted: Buffer }[] = await manager.query(
    "SELECT scope, data_key_id, data_key_encrypted FROM scopes ORDER BY scope",
  );
  return rows.map((row) => ({
    scope: row.scope,
    dataKey: { id: row.data_key_id, key: vault.open(row.data_key_encrypted) },
  }));
}
