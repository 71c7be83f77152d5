import type { DataSource } from "typeorm";
import { SCHEMA } from "./schema.js";

/** "slui" as a number: whoever migrates holds it, so that replicas that start together take turns. */
const MIGRATION_LOCK = 0x736c7569;
/** How long another one may take over its migrations. */
const LOCK_TIMEOUT = "120s";

/**
 * Runs what is pending, one process at a time.
 * @returns the names of the migrations that ran
 */
export async function migrate(dataSource: DataSource): Promise<readonly string[]> {
  const runner = dataSource.createQueryRunner();
  let locked = false;
  try {
    await runner.query(
      `SELECT set_config('lock_timeout', '${LOCK_TIMEOUT}', false), set_config('statement_timeout', '${LOCK_TIMEOUT}', false)`,
    );
    await runner.query("SELECT pg_advisory_lock($1)", [MIGRATION_LOCK]);
    locked = true;
    const known: unknown[] = await runner.query("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1", [
      SCHEMA,
    ]);
    // Asked first: IF NOT EXISTS, too, wants the right to create.
    if (known.length === 0) await runner.query(`CREATE SCHEMA ${SCHEMA}`);
    const ran = await dataSource.runMigrations({ transaction: "each" });
    return ran.map(({ name }) => name);
  } finally {
    if (locked) await runner.query("SELECT pg_advisory_unlock($1)", [MIGRATION_LOCK]);
    await runner.query("RESET lock_timeout; RESET statement_timeout").catch(() => undefined);
    await runner.release();
  }
}
