import { ConfigurationError } from "@sluice/shared/config";
import { messageOf } from "@sluice/shared/errors";
import { silentLogger } from "@sluice/shared/observability";
import { readDatabaseUrl } from "../config.js";
import { makeDataSource, migrate } from "../persistence/index.js";

/** `node control-plane/dist/commands/migrate.js`: brings the database of DATABASE_URL up to date. */
async function main(): Promise<void> {
  const dataSource = makeDataSource(readDatabaseUrl(process.env), 2, silentLogger);
  await dataSource.initialize();
  try {
    const ran = await migrate(dataSource);
    console.log(ran.length === 0 ? "nothing to migrate" : `migrated: ${ran.join(", ")}`);
  } finally {
    await dataSource.destroy();
  }
}

main().catch((error: unknown) => {
  console.error(
    error instanceof ConfigurationError ? error.clientMessage : `cannot migrate: ${messageOf(error)}`,
  );
  process.exitCode = error instanceof ConfigurationError ? 2 : 1;
});
