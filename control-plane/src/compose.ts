import { createPublicKey, randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Lifecycle } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import { Deadline, systemClock, within } from "@sluice/shared/time";
import { startTracing } from "@sluice/shared/tracing";
import { collectDefaultMetrics, Registry } from "prom-client";
import { ClusterService } from "./clusters/index.js";
import type { ControlPlaneConfig } from "./config.js";
import {
  FleetLedger,
  FleetService,
  Forgetting,
  ReportedSeries,
  ReportingDataPlanes,
  Reports,
} from "./fleet/index.js";
import { makeApp, startHttpServer } from "./http/index.js";
import { bearerTokens, metricsReaders } from "./operators/index.js";
import {
  collectStoreMetrics,
  makeDataSource,
  migrate,
  StoredAudit,
  StoredClusters,
  StoredFleet,
  StoredPublications,
  StoredRegistry,
  StoredTenants,
  startEmbeddedDatabase,
  traceQueries,
  Vault,
} from "./persistence/index.js";
import { openOwnKeyset, Publisher, type Signing, signingWatch } from "./publishing/index.js";
import { STREAM_LIMITS, StreamMetrics, startStreamServer, type TlsPair } from "./stream/index.js";
import { OrderService, TenantService, UserService } from "./tenants/index.js";

const BUILD = "0.1.0";
/** A database that does not answer in this time counts as not reachable. */
const HEALTH_TIMEOUT_MS = 2000;

/** Makes all objects of the control plane, joins and starts them. */
export async function compose(
  config: ControlPlaneConfig,
  logger: Logger,
  lifecycle: Lifecycle,
): Promise<{ readonly http: number; readonly stream: number }> {
  const clock = systemClock;
  const process = {
    service: "sluice-control-plane",
    version: BUILD,
    attributes: { "host.name": hostname() },
  };
  const tracing = await startTracing(config, process, logger);
  if (tracing !== undefined) lifecycle.add({ name: "traces", stop: () => tracing.stop() });
  const rootKeys = { keys: config.TRUST_ROOT_KEYS, threshold: config.TRUST_ROOT_THRESHOLD };
  const readSigning = (): Signing => {
    const signer = config.CONFIG_KEY_PATH();
    return { signer, keyset: openOwnKeyset(config.KEYSET_PATH(), rootKeys, signer, clock.now()) };
  };
  const signing = readSigning();

  const url = config.DATABASE_URL ?? (await embeddedDatabase(config, logger, lifecycle));
  const dataSource = makeDataSource({ url, poolSize: config.DB_POOL_SIZE, logger });
  await dataSource.initialize();
  if (tracing !== undefined) traceQueries(dataSource);
  lifecycle.add({ name: "database", stop: () => dataSource.destroy() });
  const migrated = await migrate(dataSource);
  if (migrated.length > 0) logger.info("migrated", { migrations: migrated });

  const vault = new Vault(
    config.VAULT_ENC_KEY,
    config.VAULT_ENC_KEY_OLD === undefined ? [] : [config.VAULT_ENC_KEY_OLD],
  );
  const publisher = new Publisher({
    store: new StoredPublications({ dataSource, url, vault, clock, logger }),
    ...signing,
    clock,
    logger,
  });
  await publisher.start();
  lifecycle.add({ name: "publisher", stop: () => publisher.stop() });
  const keysetWatch = signingWatch(signing, {
    read: readSigning,
    onChange: (next) => publisher.useSigning(next),
    clock,
    logger,
  });
  keysetWatch.start();
  lifecycle.add({ name: "keyset", stop: () => Promise.resolve(keysetWatch.stop()) });

  const metrics = new Registry();
  collectDefaultMetrics({ register: metrics });
  collectStoreMetrics(metrics, dataSource, clock);
  const streamMetrics = new StreamMetrics(metrics);
  const epoch = (): bigint => publisher.epoch;
  const fleet = new StoredFleet(dataSource, vault, clock);
  const ledger = new FleetLedger({
    store: fleet,
    controlPlane: `${hostname()}/${randomUUID()}`,
    clock,
    logger,
    onAcked: (commitToAckMs) => streamMetrics.acked(commitToAckMs),
  });
  ledger.start();
  lifecycle.add({ name: "fleet's ledger", stop: () => ledger.stop() });
  const forgetting = new Forgetting(fleet, config.FORGET_DATA_PLANES_DAYS, clock, logger);
  forgetting.start();
  lifecycle.add({ name: "forgetting", stop: () => forgetting.stop() });
  const reports = new Reports(fleet, clock);

  const readTls = (): TlsPair => ({
    cert: config.STREAM_TLS_CERT_PATH(),
    key: config.STREAM_TLS_KEY_PATH(),
  });
  const stream = await startStreamServer({
    publications: publisher,
    logger,
    clock,
    host: config.LISTEN_ADDRESS,
    port: config.STREAM_PORT,
    tls: readTls(),
    renewedTls: readTls,
    tokenPublicKey: createPublicKey(config.STREAM_TOKEN_KEY_PATH),
    blockedTokens: config.STREAM_TOKEN_BLOCKLIST,
    clientCa: config.STREAM_CLIENT_CA_PATH,
    name: hostname(),
    registry: new StoredRegistry(dataSource, STREAM_LIMITS.instancesPerGroup, clock),
    ledger,
    events: {
      nacked: (code) => streamMetrics.nacked(code),
      reported: (name, status) => reports.save(name, status),
      disconnected: (name) => reports.ended(name),
    },
  });
  streamMetrics.countStreams(() => stream.instances().length);
  lifecycle.add({ name: "stream", stop: () => stream.stop() });

  const apiTokens = {
    secret: config.API_JWT_SECRET,
    secretName: "API_JWT_SECRET",
    publicKeys: config.API_JWKS_URL ?? config.API_JWKS_PATH,
    requireExp: config.API_JWT_REQUIRE_EXP,
    claims: config.JWT_CLAIM_VALIDATORS,
    blocklist: config.API_TOKEN_BLOCKLIST,
  };
  const tenants = new StoredTenants(dataSource, vault, clock);
  const isOwnMetric = (name: string): boolean => metrics.getSingleMetric(name) !== undefined;
  const series = new ReportedSeries({ store: fleet, epoch, clock, isOwnMetric });
  const dataPlanes = new ReportingDataPlanes({ store: fleet, series, epoch, clock });
  const app = makeApp({
    tenants: new TenantService(tenants, clock),
    users: new UserService(tenants, clock),
    orders: new OrderService(tenants, dataPlanes, clock),
    clusters: new ClusterService(new StoredClusters(dataSource, vault, clock)),
    audit: new StoredAudit(dataSource),
    dataPlanes,
    fleet: new FleetService(fleet, epoch, clock),
    authenticate: bearerTokens(apiTokens),
    authenticateMetrics: metricsReaders(
      { secret: config.METRICS_JWT_SECRET, blocklist: config.METRICS_TOKEN_BLOCKLIST },
      apiTokens,
    ),
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
