import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ConfigurationError } from "@sluice/shared/config";
import { messageOf } from "@sluice/shared/errors";
import type { Lifecycle } from "@sluice/shared/lifecycle";
import { background } from "@sluice/shared/lifecycle";
import { changeLevelOnSignal, type LeveledLogger, type Logger } from "@sluice/shared/observability";
import { systemClock } from "@sluice/shared/time";
import { startTracing } from "@sluice/shared/tracing";
import { CancelPeers } from "./cancel/index.js";
import { type DataPlaneConfig, readClientCertificate, readToken, shownSettings } from "./config.js";
import { Console, startConsole } from "./console/index.js";
import {
  DataPlaneWorker,
  Outbox,
  Primary,
  type ToPrimary,
  type ToWorker,
  WorkerProcesses,
  workerNumber,
} from "./fleet/index.js";
import { FleetFigures, SlowSpans } from "./metrics/index.js";
import { planeMetrics, reportedMetrics, startOperations } from "./operations/index.js";
import { Subscription, type SubscriptionStatus, warningsOf } from "./subscription/index.js";
import { Directory } from "./tenants/index.js";
import {
  CertificateFiles,
  ClientTls,
  type DialOptions,
  HostNames,
  lookupsAtOnce,
} from "./transport/index.js";
import { AuthQuery, CachedVerifiers } from "./verifiers/index.js";

const BUILD = "0.1.0";
const STOP_MARGIN_MS = 1000;
/** How soon a renewed certificate is shown. */
const CERTIFICATE_INTERVAL_MS = 5000;

export interface PlanePorts {
  readonly transaction: number;
  readonly session: number;
  readonly operations: number;
  /** When CONSOLE_USERS names anybody. */
  readonly console?: number;
}

/** Makes all objects of the primary, joins and starts them. */
export async function composePrimary(
  config: DataPlaneConfig,
  logger: LeveledLogger,
  lifecycle: Lifecycle,
): Promise<PlanePorts> {
  // A worker that cannot use them would be replaced for ever: here the start ends, and says why.
  certificateFilesOf(config, logger);
  let draining = false;
  const dialOptions = dialOptionsOf(config);
  const directory = new Directory({
    tellsOfAll: true,
    unusable: (id, error) => logger.error("a tenant's record cannot be used", { tenant: id, error }),
  });
  const authQuery = new AuthQuery(dialOptions, logger);
  directory.listen(authQuery);
  const verifiers = new CachedVerifiers((tenant, user) => authQuery.secretOf(tenant, user), systemClock);
  const figures = new FleetFigures(config.METRICS_MOST_POOLS);
  const cancelPeers = new CancelPeers({
    peers: config.CANCEL_PEERS,
    ca: config.CANCEL_PEERS_CA_PATH?.toString("utf8"),
    serverName: config.CANCEL_PEERS_SERVER_NAME,
    clock: systemClock,
    logger,
  });
  background(logger, "cancel peers", cancelPeers.watch());
  lifecycle.add({ name: "cancel peers", stop: () => Promise.resolve(cancelPeers.stop()) });
  const primary = new Primary({
    directory,
    verifiers,
    figures,
    scope: `region:${config.REGION}`,
    regionDataPlanes: config.REGION_DATA_PLANES,
    node: nodeNumber(config),
    cancelPeers,
    clock: systemClock,
    logger,
  });
  const workers = new WorkerProcesses({
    primary,
    count: config.DATA_PLANE_WORKERS,
    host: config.LISTEN_ADDRESS,
    ports: { transaction: config.PROXY_PORT_TRANSACTION, session: config.PROXY_PORT_SESSION },
    clock: systemClock,
    logger,
  });
  changeLevelOnSignal(logger, (level) => workers.logAt(level));
  // Clients of a data plane that can open nothing of what it holds, its key being lost, are served better elsewhere.
  const servesNothing = (): boolean => directory.size === 0 && subscription.status().quarantined.length > 0;
  const isReady = (): boolean =>
    directory.loaded && !servesNothing() && workers.takingClients > 0 && !draining;
  const subscription = new Subscription({
    controlPlaneUrl: config.CONTROL_PLANE_URL,
    ca: config.CONTROL_PLANE_CA_PATH,
    token: () => readToken(config),
    clientCertificate: () => readClientCertificate(config),
    trustRootKeys: config.TRUST_ROOT_KEYS,
    trustRootThreshold: config.TRUST_ROOT_THRESHOLD,
    region: config.REGION,
    dataFolder: config.DATA_DIR,
    nodeKeyPath: config.NODE_KEY_PATH,
    build: BUILD,
    clock: systemClock,
    logger,
    sink: primary,
    acted: () => primary.acted(),
    ownStatus: async () => ({
      ready: isReady(),
      bans: primary.bans.map(({ thing, address, remainingMs }) => ({ tenant: thing, address, remainingMs })),
      metrics: await reportedMetrics(metrics),
    }),
  });
  const metrics = planeMetrics({
    figures,
    configuration: () => subscription.status(),
    tenants: () => directory.size,
    workers: config.DATA_PLANE_WORKERS,
    labels: { region: config.REGION, az: config.AVAILABILITY_ZONE ?? "nil" },
    build: BUILD,
  });
  lifecycle.add({ name: "auth_query", stop: () => authQuery.close() });
  workers.prepare();
  await subscription.start();
  lifecycle.add({ name: "subscription", stop: () => subscription.stop() });
  const operations = await startOperations({
    host: config.OPERATIONS_ADDRESS,
    port: config.OPERATIONS_PORT,
    readiness: () => {
      const status = subscription.status();
      const { connected, generation, quarantined, freshnessAgeMs } = status;
      return {
        ready: isReady(),
        detail: {
          draining,
          control_plane_connected: connected,
          generation: generation === undefined ? null : String(generation),
          freshness_age_ms: freshnessAgeMs === undefined ? null : Math.round(freshnessAgeMs),
          quarantined,
          warnings: warningsOf(status, systemClock.now()),
        },
      };
    },
    metrics,
    logLevel: {
      get: () => logger.level,
      set: (level) => {
        logger.level = level;
        logger.warn("the log's level was changed", { to: level, by: "the operations port" });
        workers.logAt(level);
      },
    },
  });
  // Ends last: until then it says that this data plane is not ready.
  lifecycle.add({ name: "operations", stop: () => operations.stop() });
  const ports = await workers.start();
  lifecycle.add({ name: "workers", stop: () => workers.stop(config.DRAIN_TIMEOUT_MS + STOP_MARGIN_MS) });
  const drain = {
    name: "readiness",
    stop: async () => {
      draining = true;
      await sleep(config.DRAIN_DELAY_MS);
    },
  };
  const found = { ...ports, operations: operations.port };
  if (config.CONSOLE_USERS.length === 0) {
    lifecycle.add(drain);
    return found;
  }
  const console = await startConsole({
    host: config.CONSOLE_ADDRESS,
    port: config.CONSOLE_PORT,
    users: config.CONSOLE_USERS,
    tls: clientTlsOf(config, logger),
    console: new Console({
      fleet: primary,
      figures,
      directory,
      settings: () => shownSettings(config),
      bundle: () => shownBundle(subscription.status(), directory.size),
      version: BUILD,
      clock: systemClock,
      logger,
    }),
    loginTimeoutMs: config.LOGIN_TIMEOUT_MS,
    version: BUILD,
    clock: systemClock,
    logger,
  });
  lifecycle.add({ name: "console", stop: () => console.stop() });
  lifecycle.add(drain);
  return { ...found, console: console.port };
}

/** Traces come from workers alone: the primary has no pools. */
export async function composeTracing(
  config: DataPlaneConfig,
  logger: Logger,
  lifecycle: Lifecycle,
): Promise<SlowSpans | undefined> {
  const tracing = await startTracing(
    config,
    {
      service: "sluice-data-plane",
      version: BUILD,
      attributes: {
        "host.name": hostname(),
        "cloud.region": config.REGION,
        "cloud.availability_zone": config.AVAILABILITY_ZONE,
        "sluice.worker": workerNumber(),
      },
    },
    logger,
  );
  if (tracing === undefined) return undefined;
  lifecycle.add({ name: "traces", stop: () => tracing.stop() });
  return new SlowSpans(config.TRACE_SLOW_MS, systemClock);
}

export function composeWorker(
  config: DataPlaneConfig,
  logger: Logger,
  slow: SlowSpans | undefined,
): DataPlaneWorker {
  const outbox = new Outbox<ToPrimary>((batch, sent) => {
    if (process.connected) process.send?.(batch, undefined, undefined, sent);
  });
  return new DataPlaneWorker({
    node: nodeNumber(config),
    worker: workerNumber(),
    workers: config.DATA_PLANE_WORKERS,
    negotiation: {
      tls: clientTlsOf(config, logger),
      proxyProtocol: config.PROXY_PROTOCOL,
      trustedBalancers: config.TRUSTED_LB_RANGES,
    },
    dialOptions: dialOptionsOf(config),
    regionDataPlanes: config.REGION_DATA_PLANES,
    mostUnauthenticated: partOf(config.MAX_UNAUTHENTICATED, config.DATA_PLANE_WORKERS),
    mostUnauthenticatedPerAddress: partOf(config.MAX_UNAUTHENTICATED_PER_ADDRESS, config.DATA_PLANE_WORKERS),
    loginTimeoutMs: config.LOGIN_TIMEOUT_MS,
    drainTimeoutMs: config.DRAIN_TIMEOUT_MS,
    slow,
    clock: systemClock,
    logger: logger.child({ worker: workerNumber() }),
    send: (message) => outbox.post(message),
  });
}

export type { ToWorker };

/** One worker's. Connections are spread evenly over them. */
function partOf(bound: number, workers: number): number {
  return Math.max(1, Math.floor(bound / workers));
}

function shownBundle(status: SubscriptionStatus, tenants: number): Readonly<Record<string, string | number>> {
  const { connected, epoch, generation, keysetVersion, freshnessAgeMs, lastError, quarantined } = status;
  return {
    generation: String(generation ?? "none"),
    epoch: String(epoch ?? "none"),
    keyset_version: String(keysetVersion),
    tenants,
    quarantined: quarantined.join(", "),
    control_plane: connected ? "followed" : "away",
    freshness_age_seconds: freshnessAgeMs === undefined ? "unknown" : Math.round(freshnessAgeMs / 1000),
    last_error: lastError ?? "",
  };
}

function clientTlsOf(config: DataPlaneConfig, logger: Logger): ClientTls | undefined {
  const files = certificateFilesOf(config, logger);
  if (files === undefined) return undefined;
  files.watch(systemClock, CERTIFICATE_INTERVAL_MS);
  const demanded = config.GLOBAL_DOWNSTREAM_CLIENT_CA_PATH !== undefined;
  return new ClientTls(files, demanded ? config.GLOBAL_DOWNSTREAM_CLIENT_CERT : "none");
}

/** @throws ConfigurationError that says what is wrong with the files */
function certificateFilesOf(config: DataPlaneConfig, logger: Logger): CertificateFiles | undefined {
  const { GLOBAL_DOWNSTREAM_CERT_PATH: certs, GLOBAL_DOWNSTREAM_KEY_PATH: keys } = config;
  if (certs.length === 0) return undefined;
  const paths = { certs, keys, clientCa: config.GLOBAL_DOWNSTREAM_CLIENT_CA_PATH };
  try {
    return new CertificateFiles(paths, config.GLOBAL_DOWNSTREAM_TLS_MIN, logger);
  } catch (error) {
    throw new ConfigurationError([
      `GLOBAL_DOWNSTREAM_CERT_PATH, GLOBAL_DOWNSTREAM_KEY_PATH: ${messageOf(error)}`,
    ]);
  }
}

/** The same in all workers of a data plane and after a restart, and most likely another on every other one. */
function nodeNumber(config: DataPlaneConfig): number {
  const place = JSON.stringify([hostname(), resolve(config.DATA_DIR)]);
  return createHash("sha256").update(place).digest().readUInt16BE() & 0x3ff;
}

/** Once for each process: the threads that look names up are the process's. */
function dialOptionsOf(config: DataPlaneConfig): DialOptions {
  return {
    globalCa: config.GLOBAL_UPSTREAM_CA_PATH?.toString("utf8"),
    names: new HostNames({
      clock: systemClock,
      atOnce: lookupsAtOnce(process.env["UV_THREADPOOL_SIZE"]),
    }),
  };
}
