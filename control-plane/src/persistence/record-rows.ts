import { checkRecordId } from "@sluice/shared/bundle";
import type { EntityManager } from "typeorm";

/** So that one statement stays far below Postgres' 1 GiB. */
const ROWS_A_STATEMENT = 500;

export interface MadeRecord {
  readonly id: string;
  readonly body: Uint8Array;
}

/**
 * Into one scope. Those that are there already with the same bytes are left alone. One whose id no data plane would take
 * ends the transaction: it would keep everything behind it from all of them.
 * @returns whether anything was written
 */
export async function writeRecords(
  manager: EntityManager,
  scope: string,
  records: readonly MadeRecord[],
  generation: bigint,
): Promise<boolean> {
  let written = false;
  for (let from = 0; from < records.length; from += ROWS_A_STATEMENT) {
    const some = records.slice(from, from + ROWS_A_STATEMENT);
    const rows: unknown[] = await manager.query(
      `WITH wrote AS (
         INSERT INTO sluice.records AS r (scope, id, body, created_generation, generation)
         SELECT $1, id, body, $4::bigint, $4::bigint FROM unnest($2::text[], $3::bytea[]) AS made (id, body)
         ON CONFLICT (scope, id) DO UPDATE SET body = excluded.body, generation = excluded.generation
         WHERE r.body <> excluded.body
         RETURNING 1)
       SELECT 1 FROM wrote LIMIT 1`,
      [
        scope,
        some.map(({ id }) => checkRecordId(id)),
        some.map(({ body }) => Buffer.from(body)),
        String(generation),
      ],
    );
    written ||= rows.length > 0;
  }
  return written;
}

/**
 * From these scopes, leaving a trace: a snapshot that drops it may say that somebody wanted it.
 * @param scopes undefined: all
 * @returns those that had it
 */
export async function removeRecord(
  manager: EntityManager,
  id: string,
  generation: bigint,
  scopes: readonly string[] | undefined,
): Promise<readonly string[]> {
  const rows: { scope: string }[] = await manager.query(
    `WITH gone AS (
       DELETE FROM sluice.records WHERE id = $1 AND ($3::text[] IS NULL OR scope = ANY ($3::text[]))
       RETURNING scope, id, created_generation),
     traced AS (
       INSERT INTO sluice.removals (scope, generation, id, created_generation)
       SELECT scope, $2::bigint, id, created_generation FROM gone)
     SELECT scope FROM gone`,
    [id, String(generation), scopes ?? null],
  );
  return rows.map(({ scope }) => scope);
}
