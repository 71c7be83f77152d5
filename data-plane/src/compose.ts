import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { ConfigurationError } from "@sluice/shared/config";
import { messageOf } from "@sluice/shared/errors";
import type { Lifecycle } from "@sluice/shared/lifecycle";
import { background } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import { systemClock } from "@sluice/shared/time";
import { Gauge, Registry } from "prom-client";
import { CancelPeers } from "./cancel/index.js";
import { type DataPlaneConfig, readToken } from "./config.js";
import { DataPlaneWorker, type Figures, Primary, type ToPrimary, type ToWorker } from "./fleet/index.js";
import { startOperations } from "./operations/index.js";
import { Subscription } from "./subscription/index.js";
import { Directory } from "./tenants/index.js";
import { CertificateFiles, ClientTls, type DialOptions } from "./transport/index.js";
import { AuthQuery, CachedVerifiers } from "./verifiers/index.js";

const BUILD = "0.1.0";
const STOP_MARGIN_MS = 1000;
/** How soon a renewed certificate is shown. */
const CERTIFICATE_INTERVAL_MS = 5000;

/** Makes all objects of the primary, joins and starts them. */
export async function composePrimary(
  config: DataPlaneConfig,
  logger: Logger,
  lifecycle: Lifecycle,
): Promise<{ readonly transaction: number; readonly session: number; readonly operations: number }> {
  // A worker that cannot use them would be replaced for ever: here the start ends, and says why.
  certificateFilesOf(config, logger);
  const dialOptions = dialOptionsOf(config);
  const directory = new Directory();
  const authQuery = new AuthQuery(dialOptions, logger);
  directory.listen(authQuery);
  const verifiers = new CachedVerifiers((tenant, user) => authQuery.secretOf(tenant, user), systemClock);
  const primary = new Primary(directory, verifiers, `region:${config.REGION}`, systemClock, logger);
  const subscription = new Subscription({
    controlPlaneUrl: config.CONTROL_PLANE_URL,
    ca: config.CONTROL_PLANE_CA_PATH,
    token: () => readToken(config),
    trustRootKeys: config.TRUST_ROOT_KEYS,
    region: config.REGION,
    dataFolder: config.DATA_DIR,
    nodeKeyPath: config.NODE_KEY_PATH,
    build: BUILD,
    clock: systemClock,
    logger,
    sink: primary,
  });
  lifecycle.add({ name: "auth_query", stop: () => authQuery.close() });
  await subscription.start();
  lifecycle.add({ name: "subscription", stop: () => subscription.stop() });
  const ports = await primary.start();
  lifecycle.add({ name: "worker", stop: () => primary.stop(config.DRAIN_TIMEOUT_MS + STOP_MARGIN_MS) });
  const operations = await startOperations({
    host: config.OPERATIONS_ADDRESS,
    port: config.OPERATIONS_PORT,
    readiness: () => {
      const { connected, generation, quarantined, freshnessAgeMs } = subscription.status();
      return {
        ready: directory.loaded && primary.listening,
        detail: {
          control_plane_connected: connected,
          generation: generation === undefined ? null : String(generation),
          freshness_age_ms: freshnessAgeMs === undefined ? null : Math.round(freshnessAgeMs),
          quarantined,
        },
      };
    },
    metrics: metricsOf(() => primary.figures, subscription),
  });
  lifecycle.add({ name: "operations", stop: () => operations.stop() });
  return { ...ports, operations: operations.port };
}

export function composeWorker(
  config: DataPlaneConfig,
  logger: Logger,
  lifecycle: Lifecycle,
): DataPlaneWorker {
  const cancelPeers = new CancelPeers({
    peers: config.CANCEL_PEERS,
    ca: config.CANCEL_PEERS_CA_PATH?.toString("utf8"),
    clock: systemClock,
    logger,
  });
  background(logger, "cancel peers", cancelPeers.watch());
  lifecycle.add({ name: "cancel peers", stop: () => Promise.resolve(cancelPeers.stop()) });
  return new DataPlaneWorker({
    node: nodeNumber(config),
    cancelPeers,
    host: config.LISTEN_ADDRESS,
    transactionPort: config.PROXY_PORT_TRANSACTION,
    sessionPort: config.PROXY_PORT_SESSION,
    negotiation: {
      tls: clientTlsOf(config, logger),
      proxyProtocol: config.PROXY_PROTOCOL,
      trustedBalancers: config.TRUSTED_LB_RANGES,
    },
    mostUnauthenticated: config.MAX_UNAUTHENTICATED,
    mostUnauthenticatedPerAddress: config.MAX_UNAUTHENTICATED_PER_ADDRESS,
    dialOptions: dialOptionsOf(config),
    loginTimeoutMs: config.LOGIN_TIMEOUT_MS,
    drainTimeoutMs: config.DRAIN_TIMEOUT_MS,
    clock: systemClock,
    logger,
    send: (message: ToPrimary) => {
      if (process.connected) process.send?.(message);
    },
  });
}

export type { ToWorker };

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

function dialOptionsOf(config: DataPlaneConfig): DialOptions {
  return { globalCa: config.GLOBAL_UPSTREAM_CA_PATH?.toString("utf8") };
}

function metricsOf(figures: () => Figures | undefined, subscription: Subscription): Registry {
  const registry = new Registry();
  const gauge = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  };
  gauge("sluice_clients", "Clients connected.", () => figures()?.clients ?? 0);
  gauge("sluice_servers", "Server connections open.", () => figures()?.servers ?? 0);
  gauge("sluice_servers_idle", "Server connections idle.", () => figures()?.idleServers ?? 0);
  gauge(
    "sluice_servers_pinned",
    "Server connections kept by one session.",
    () => figures()?.pinnedServers ?? 0,
  );
  gauge("sluice_clients_waiting", "Clients waiting for a server.", () => figures()?.waitingClients ?? 0);
  gauge("sluice_tenants", "Tenants known.", () => figures()?.tenants ?? 0);
  gauge("sluice_config_generation", "Generation of the configuration in force.", () =>
    Number(subscription.status().generation ?? 0n),
  );
  gauge("sluice_control_plane_connected", "1 while the control plane is followed.", () =>
    subscription.status().connected ? 1 : 0,
  );
  return registry;
}
