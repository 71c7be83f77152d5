import type { DataSource, EntityManager } from "typeorm";
import { orUnavailable } from "./store-unavailable.js";
import type { Vault } from "./vault.js";

/** A table with secrets, each row with the id of the key that they were written under. */
interface SealedTable {
  readonly table: string;
  readonly key: string;
  readonly secrets: readonly string[];
}

const TABLES: readonly SealedTable[] = [
  { table: "users", key: "id", secrets: ["db_pass_encrypted", "verifier_encrypted"] },
  { table: "scopes", key: "scope", secrets: ["data_key_encrypted"] },
  { table: "retired_data_keys", key: "key_id", secrets: ["data_key_encrypted"] },
];

export const SEALED_TABLES: readonly string[] = TABLES.map(({ table }) => table);

type SealedRow = Readonly<Record<string, Buffer | string>>;

export interface RotationProgress {
  /** Rows written anew so far. */
  readonly done: number;
  /** Rows that still have another key than the newest. */
  readonly left: number;
}

/**
 * Writes every secret anew under the vault's newest key, batch by batch, each its own transaction: it may be stopped
 * at any moment and goes on where it was. What data planes are sent does not change.
 * @param report called after each batch; false stops
 */
export async function rotateVault(
  dataSource: DataSource,
  vault: Vault,
  batchSize: number,
  report: (progress: RotationProgress) => boolean,
): Promise<RotationProgress> {
  let done = 0;
  for (const sealed of TABLES) {
    for (;;) {
      const written = await orUnavailable(
        dataSource.transaction((manager) => rotateBatch(manager, sealed, vault, batchSize)),
      );
      if (written === 0) break;
      done += written;
      const progress = { done, left: await countLeft(dataSource, vault) };
      if (!report(progress)) return progress;
    }
  }
  return { done, left: await countLeft(dataSource, vault) };
}

/** Waits for nobody, so that it cannot deadlock with a PUT; a row that somebody holds is left for the next run. */
async function rotateBatch(
  manager: EntityManager,
  { table, key, secrets }: SealedTable,
  vault: Vault,
  batchSize: number,
): Promise<number> {
  const rows: SealedRow[] = await manager.query(
    `SELECT ${[key, "vault_key_id", ...secrets].join(", ")} FROM sluice.${table}
     WHERE vault_key_id <> $1 ORDER BY ${key} LIMIT $2 FOR UPDATE SKIP LOCKED`,
    [vault.keyId, batchSize],
  );
  for (const row of rows) {
    const resealed = secrets.map((name) =>
      vault.seal(vault.open(row[name] as Buffer, String(row.vault_key_id))),
    );
    const set = secrets.map((name, index) => `${name} = $${index + 3}`).join(", ");
    await manager.query(`UPDATE sluice.${table} SET vault_key_id = $2, ${set} WHERE ${key} = $1`, [
      row[key],
      vault.keyId,
      ...resealed,
    ]);
  }
  return rows.length;
}

async function countLeft(dataSource: DataSource, vault: Vault): Promise<number> {
  const counts = TABLES.map(({ table }) => `(SELECT count(*) FROM sluice.${table} WHERE vault_key_id <> $1)`);
  const rows: { left: string }[] = await orUnavailable(
    dataSource.query(`SELECT ${counts.join(" + ")} AS left`, [vault.keyId]),
  );
  return Number(rows[0]?.left ?? 0);
}
