import type { EntityManager } from "typeorm";
import type { PublishedState } from "../publishing/index.js";

export interface StateRow {
  readonly scope: string;
  readonly epoch: string;
  readonly generation: string;
  readonly state_root: Buffer;
  readonly record_count: number;
  readonly chunk_hashes: readonly Buffer[] | null;
}

export function publishedStateOf(row: StateRow): PublishedState {
  return {
    scope: row.scope,
    epoch: BigInt(row.epoch),
    generation: BigInt(row.generation),
    stateRoot: row.state_root,
    recordCount: row.record_count,
    chunkHashes: row.chunk_hashes ?? [],
  };
}

export async function readState(
  manager: EntityManager,
  scope: string,
  epoch: bigint,
  generation: bigint,
): Promise<PublishedState | undefined> {
  const rows: StateRow[] = await manager.query(
    "SELECT * FROM sluice.published_states WHERE scope = $1 AND epoch = $2 AND generation = $3",
    [scope, String(epoch), String(generation)],
  );
  return rows[0] === undefined ? undefined : publishedStateOf(rows[0]);
}

export async function readEnvelope(
  manager: EntityManager,
  { scope, epoch, generation }: PublishedState,
  replaces: bigint,
): Promise<Buffer | undefined> {
  const rows: { envelope: Buffer }[] = await manager.query(
    `SELECT envelope FROM sluice.snapshots
     WHERE scope = $1 AND epoch = $2 AND generation = $3 AND replaces = $4`,
    [scope, String(epoch), String(generation), String(replaces)],
  );
  return rows[0]?.envelope;
}
