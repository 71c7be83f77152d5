import type { DataKey } from "@sluice/shared/secrets";
import { ownTraceparent } from "@sluice/shared/tracing";
import type { EntityManager } from "typeorm";
import type { Vault } from "./vault.js";

export const GENERATION_CHANNEL = "sluice_generation";

export interface Scope {
  readonly scope: string;
  readonly dataKey: DataKey;
}

interface ScopeRow {
  readonly scope: string;
  readonly data_key_id: string;
  readonly data_key_encrypted: Buffer;
  readonly vault_key_id: string;
}

/**
 * The next generation. Its row stays locked until the transaction ends, so nothing of an older generation commits
 * later. Taken late: until then transactions of different tenants run side by side.
 */
export async function takeGeneration(manager: EntityManager): Promise<bigint> {
  // As a SELECT, since TypeORM gives the rows of an UPDATE in another shape.
  const rows: { generation: string }[] = await manager.query(
    `WITH taken AS (UPDATE sluice.fleet SET generation = generation + 1 RETURNING generation),
     noted AS (
       INSERT INTO sluice.generations (generation, committed_at, scopes, traceparent)
       SELECT generation, clock_timestamp(), '{}', $1 FROM taken)
     SELECT generation FROM taken`,
    [ownTraceparent()],
  );
  const row = rows[0];
  if (row === undefined) throw new Error("sluice.fleet has lost its row");
  // Sent when the transaction commits, and not if it does not.
  await manager.query("SELECT pg_notify($1, '')", [GENERATION_CHANNEL]);
  return BigInt(row.generation);
}

/** To be read after the generation was taken: then a scope that is being made is either seen, or sees us. */
export async function allScopes(manager: EntityManager, vault: Vault): Promise<readonly Scope[]> {
  const rows: ScopeRow[] = await manager.query(
    "SELECT scope, data_key_id, data_key_encrypted, vault_key_id FROM sluice.scopes ORDER BY scope",
  );
  return rows.map((row) => scopeOf(row, vault));
}

export async function findScope(
  manager: EntityManager,
  scope: string,
  vault: Vault,
): Promise<Scope | undefined> {
  const rows: ScopeRow[] = await manager.query(
    "SELECT scope, data_key_id, data_key_encrypted, vault_key_id FROM sluice.scopes WHERE scope = $1",
    [scope],
  );
  return rows[0] === undefined ? undefined : scopeOf(rows[0], vault);
}

export async function insertScope(
  manager: EntityManager,
  { scope, dataKey }: Scope,
  generation: bigint,
  vault: Vault,
): Promise<void> {
  await manager.query(
    `INSERT INTO sluice.scopes (scope, generation, data_key_id, data_key_encrypted, vault_key_id)
     VALUES ($1, $2, $3, $4, $5)`,
    [scope, String(generation), dataKey.id, vault.seal(dataKey.key), vault.keyId],
  );
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
  await manager.query(
    `UPDATE sluice.generations SET scopes = ARRAY(SELECT DISTINCT unnest(scopes || $2::text[]))
     WHERE generation = $1`,
    [String(generation), scopes],
  );
}

function scopeOf(row: ScopeRow, vault: Vault): Scope {
  const key = vault.open(row.data_key_encrypted, row.vault_key_id);
  return { scope: row.scope, dataKey: { id: row.data_key_id, key } };
}
