import { createPublicKey } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Lifecycle } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import { Deadline, systemClock, within } from "@sluice/shared/time";
import type { ControlPlaneConfig } from "./config.js";
import { makeApp, startHttpServer } from "./http/index.js";
import { bearerTokens } from "./operators/index.js";
import {
  makeDataSource,
  migrate,
  StoredPublications,
  StoredTenants,
  startEmbeddedDatabase,
  Vault,
} from "./persistence/index.js";
import { openOwnKeyset, Publisher } from "./publishing/index.js";
import { startStreamServer } from "./stream/index.js";
import { TenantService } from "./tenants/index.js";

/** A database that does not answer in this time counts as not reachable. */
const HEALTH_TIMEOUT_MS = 2000;

/** Makes all objects of the control plane, joins and starts them. */
export async function compose(
  config: ControlPlaneConfig,
  logger: Logger,
  lifecycle: Lifecycle,
): Promise<{ readonly http: number; readonly stream: number }> {
  const clock = systemClock;
  const signer = config.CONFIG_KEY_PATH;
  const keyset = openOwnKeyset(config.KEYSET_PATH, config.TRUST_ROOT_KEYS, signer, clock.now());

  const url = config.DATABASE_URL ?? (await embeddedDatabase(config, logger, lifecycle));
  const dataSource = makeDataSource({ url, poolSize: config.DB_POOL_SIZE, logger });
  await dataSource.initialize();
  lifecycle.add({ name: "database", stop: () => dataSource.destroy() });
  const migrated = await migrate(dataSource);
  if (migrated.length > 0) logger.info("migrated", { migrations: migrated });

  const vault = new Vault(config.VAULT_ENC_KEY);
  const publisher = new Publisher({
    store: new StoredPublications({ dataSource, url, vault, clock, logger }),
    signer,
    keyset,
    clock,
    logger,
  });
  await publisher.start();
  lifecycle.add({ name: "publisher", stop: () => publisher.stop() });

  const stream = await startStreamServer({
    publications: publisher,
    logger,
    clock,
    host: config.LISTEN_ADDRESS,
    port: config.STREAM_PORT,
    tls: { cert: config.STREAM_TLS_CERT_PATH, key: config.STREAM_TLS_KEY_PATH },
    tokenPublicKey: createPublicKey(config.STREAM_TOKEN_KEY_PATH),
    name: hostname(),
  });
  lifecycle.add({ name: "stream", stop: () => stream.stop() });

  const app = makeApp({
    tenants: new TenantService(new StoredTenants(dataSource, vault, clock)),
    authenticate: bearerTokens({
      secret: config.API_JWT_SECRET,
      requireExp: config.API_JWT_REQUIRE_EXP,
      claims: config.JWT_CLAIM_VALIDATORS,
      blocklist: config.API_TOKEN_BLOCKLIST,
    }),
    logger,
    databaseAnswers: () =>
      within(
        Deadline.after(clock, HEALTH_TIMEOUT_MS),
        "the database's answer",
        dataSource.query("SELECT 1"),
      ).then(
        () => true,
        () => false,
      ),
  });
  const http = await startHttpServer(app, config.LISTEN_ADDRESS, config.PORT);
  lifecycle.add({ name: "http", stop: () => http.stop() });
  return { http: http.port, stream: stream.port };
}

async function embeddedDatabase(
  config: ControlPlaneConfig,
  logger: Logger,
  lifecycle: Lifecycle,
): Promise<string> {
  const folder = join(config.DATA_DIR, "postgres");
  const database = await startEmbeddedDatabase(folder, config.EMBEDDED_POSTGRES_PORT, (line) =>
    logger.info(line),
  );
  lifecycle.add({ name: "embedded Postgres", stop: () => database.stop() });
  return database.url;
}
