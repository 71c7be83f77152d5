import type { Logger } from "@sluice/shared/observability";
import pg from "pg";
import { DataSource, type Logger as TypeOrmLogger } from "typeorm";
import { TenantEntity, UserEntity } from "./entities.js";
import { Initial1764000000000 } from "./migrations/1764000000000-initial.js";

/** "sluice" as a number: whoever migrates holds it. */
const MIGRATION_LOCK = 0x736c7569;

/** TypeORM's own would print parameters, and so secrets. */
class QuietLogger implements TypeOrmLogger {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  logQuery(): void {}

  logQueryError(error: string | Error, query: string): void {
    this.#logger.debug("query failed", { reason: error instanceof Error ? error.message : error, query });
  }

  logQuerySlow(timeMs: number, query: string): void {
    this.#logger.warn("slow query", { timeMs, query });
  }

  logSchemaBuild(): void {}

  logMigration(message: string): void {
    this.#logger.info(message);
  }

  log(): void {}
}

export function makeDataSource(url: string, poolSize: number, logger: Logger): DataSource {
  return new DataSource({
    type: "postgres",
    // Given, not found: hoisting in a workspace must not decide which one it is.
    driver: pg,
    url,
    poolSize,
    applicationName: "sluice_meta",
    connectTimeoutMS: 5000,
    entities: [TenantEntity, UserEntity],
    migrations: [Initial1764000000000],
    migrationsTableName: "sluice_migrations",
    logger: new QuietLogger(logger),
  });
}

/** Runs what is pending, one process at a time. @returns the names of the migrations that ran */
export async function migrate(dataSource: DataSource): Promise<readonly string[]> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.query("SELECT pg_advisory_lock($1)", [MIGRATION_LOCK]);
    const ran = await dataSource.runMigrations({ transaction: "each" });
    return ran.map(({ name }) => name);
  } finally {
    await runner.query("SELECT pg_advisory_unlock($1)", [MIGRATION_LOCK]);
    await runner.release();
  }
}
