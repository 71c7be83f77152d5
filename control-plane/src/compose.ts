import { createPublicKey } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Lifecycle } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import { Deadline, systemClock, within } from "@sluice/shared/time";
import { collectDefaultMetrics, Registry } from "prom-client";
import { ClusterService } from "./clusters/index.js";
import type { ControlPlaneConfig } from "./config.js";
import { makeApp, startHttpServer } from "./http/index.js";
import { bearerTokens } from "./operators/index.js";
import {
  collectStoreMetrics,
  makeDataSource,
  migrate,
  StoredAudit,
  StoredClusters,
  StoredPublications,
  StoredTenants,
  startEmbeddedDatabase,
  Vault,
} from "./persistence/index.js";
import { openOwnKeyset, Publisher } from "./publishing/index.js";
import { startStreamServer } from "./stream/index.js";
import { OrderService, silentDataPlanes, TenantService, UserService } from "./tenants/index.js";

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

  const vault = new Vault(
    config.VAULT_ENC_KEY,
    config.VAULT_ENC_KEY_OLD === undefined ? [] : [config.VAULT_ENC_KEY_OLD],
  );
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

  const metrics = new Registry();
  collectDefaultMetrics({ register: metrics });
  collectStoreMetrics(metrics, dataSource, clock);
  const tokenRules = { requireExp: config.API_JWT_REQUIRE_EXP, claims: config.JWT_CLAIM_VALIDATORS };
  const tenants = new StoredTenants(dataSource, vault, clock);
  const dataPlanes = silentDataPlanes;
  const app = makeApp({
    tenants: new TenantService(tenants, clock),
    users: new UserService(tenants, clock),
    orders: new OrderService(tenants, dataPlanes, clock),
    clusters: new ClusterService(new StoredClusters(dataSource, vault, clock)),
    audit: new StoredAudit(dataSource),
    dataPlanes,
    authenticate: bearerTokens({
      ...tokenRules,
      secret: config.API_JWT_SECRET,
      secretName: "API_JWT_SECRET",
      publicKeys: config.API_JWKS_URL ?? config.API_JWKS_PATH,
      blocklist: config.API_TOKEN_BLOCKLIST,
    }),
    authenticateMetrics: bearerTokens({
      ...tokenRules,
      secret: config.METRICS_JWT_SECRET ?? config.API_JWT_SECRET,
      secretName: config.METRICS_JWT_SECRET === undefined ? "API_JWT_SECRET" : "METRICS_JWT_SECRET",
      blocklist: config.METRICS_TOKEN_BLOCKLIST,
    }),
    rateLimits: {
      perToken: config.API_RATE_LIMIT_PER_TOKEN,
      perAddress: config.API_RATE_LIMIT_PER_ADDRESS,
    },
    trustedProxies: config.API_TRUSTED_PROXIES,
    metrics,
    logger,
    healthChecks: [
      {
        name: "database_reachable",
        failure: "the database does not answer",
        passes: () =>
          within(
            Deadline.after(clock, HEALTH_TIMEOUT_MS),
            "the database's answer",
            dataSource.query("SELECT 1"),
          ).then(
            () => true,
            () => false,
          ),
      },
    ],
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
