import type { Logger } from "@sluice/shared/observability";
import type { Logger as TypeOrmLogger } from "typeorm";

/** TypeORM's own logger prints parameters, and so secrets. This one takes texts of statements and nothing else. */
export class QuietLogger implements TypeOrmLogger {
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
