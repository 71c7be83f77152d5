import { ConfigurationError } from "@sluice/shared/config";
import { messageOf } from "@sluice/shared/errors";
import { silentLogger } from "@sluice/shared/observability";
import { readDatabaseUrl } from "../config.js";
import { makeDataSource, migrate } from "../persistence/index.js";

const USAGE = `usage: DATABASE_URL=postgres://... migrate.js
Brings the control plane's database up to date (schema "sluice"). The control plane does the same when it starts.`;

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  if (args.length > 0) throw new ConfigurationError([`unknown argument ${args.join(" ")}\n\n${USAGE}`]);
  const url = readDatabaseUrl(process.env);
  const dataSource = makeDataSource({ url, poolSize: 2, logger: silentLogger });
  await dataSource.initialize();
  try {
    const ran = await migrate(dataSource);
    process.stdout.write(ran.length === 0 ? "nothing to migrate\n" : `migrated: ${ran.join(", ")}\n`);
  } finally {
    await dataSource.destroy();
  }
}

main().catch((error: unknown) => {
  const configuration = error instanceof ConfigurationError;
  process.stderr.write(configuration ? `${error.clientMessage}\n` : `cannot migrate: ${messageOf(error)}\n`);
  process.exitCode = configuration ? 2 : 1;
});
