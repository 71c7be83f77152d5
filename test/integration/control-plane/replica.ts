import { randomUUID } from "node:crypto";
import { ClusterService } from "@sluice/control-plane/clusters/index";
import {
  FleetLedger,
  FleetService,
  Forgetting,
  ReportedSeries,
  ReportingDataPlanes,
  Reports,
} from "@sluice/control-plane/fleet/index";
import { makeApp, type RateLimits } from "@sluice/control-plane/http/index";
import { type BearerTokenRules, bearerTokens, metricsReaders } from "@sluice/control-plane/operators/index";
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
  Vault,
} from "@sluice/control-plane/persistence/index";
import { Publisher } from "@sluice/control-plane/publishing/index";
import {
  STREAM_LIMITS,
  type StreamLimits,
  StreamMetrics,
  type StreamServer,
  type StreamServerOptions,
  startStreamServer,
} from "@sluice/control-plane/stream/index";
import {
  type DataPlanes,
  OrderService,
  TenantService,
  UserService,
} from "@sluice/control-plane/tenants/index";
import { type Clock, systemClock } from "@sluice/shared/time";
import { Registry } from "prom-client";
import { RecordedLog } from "./recorded-log.js";
import { Trust } from "./trust.js";

export const METRICS_SECRET = "the-secret-of-metrics-tokens";
const VAULT_ENC_KEY = "a-vault-key-that-has-32-bytes-ok";

export interface ReplicaOptions {
  readonly vaultKey?: string;
  readonly oldVaultKeys?: readonly string[];
  readonly trust?: Trust;
  readonly dataPlanes?: DataPlanes;
  /** Default: the system's. */
  readonly clock?: Clock;
  readonly tokens?: Partial<BearerTokenRules>;
  /** Default: a secret of its own for the tokens of /metrics. */
  readonly metricsSecret?: "none";
  readonly rateLimits?: RateLimits;
  readonly trustedProxies?: readonly string[];
  /** With a stream port; default: none. */
  readonly stream?: Pick<StreamServerOptions, "tls" | "tokenPublicKey"> & {
    readonly port?: number;
    readonly limits?: Partial<StreamLimits>;
  };
}

interface Parts {
  readonly app: ReturnType<typeof makeApp>;
  readonly publisher: Publisher;
  readonly log: RecordedLog;
  readonly trust: Trust;
  readonly stop: () => Promise<void>;
  readonly stream: StreamServer | undefined;
  readonly forgetting: Forgetting;
  readonly registry: StoredRegistry;
}

/** A control plane on a database, whole but for its ports. Several on one database are replicas. */
export class Replica {
  readonly app: Parts["app"];
  readonly publisher: Publisher;
  readonly log: RecordedLog;
  readonly trust: Trust;
  readonly stop: () => Promise<void>;
  readonly forgetting: Forgetting;
  readonly registry: StoredRegistry;
  readonly #stream: StreamServer | undefined;

  private constructor(parts: Parts) {
    this.app = parts.app;
    this.publisher = parts.publisher;
    this.log = parts.log;
    this.trust = parts.trust;
    this.stop = parts.stop;
    this.forgetting = parts.forgetting;
    this.registry = parts.registry;
    this.#stream = parts.stream;
  }

  get stream(): StreamServer {
    if (this.#stream === undefined) throw new Error("it was started without a stream");
    return this.#stream;
  }

  static async start(url: string, options: ReplicaOptions = {}): Promise<Replica> {
    const log = new RecordedLog();
    const { clock = systemClock } = options;
    const trust = options.trust ?? (await Trust.make());
    const dataSource = makeDataSource({ url, poolSize: 10, logger: log });
    await dataSource.initialize();
    await migrate(dataSource);
    const vault = new Vault(options.vaultKey ?? VAULT_ENC_KEY, options.oldVaultKeys);
    const publisher = new Publisher({
      store: new StoredPublications({ dataSource, url, vault, clock, logger: log }),
      signer: trust.signer,
      keyset: trust.keyset,
      clock,
      logger: log,
    });
    await publisher.start();
    const tenants = new StoredTenants(dataSource, vault, clock);
    const epoch = () => trust.keyset.minEpoch;
    const fleet = new StoredFleet(dataSource, vault, clock);
    const metrics = new Registry();
    const isOwnMetric = (name: string) => metrics.getSingleMetric(name) !== undefined;
    const series = new ReportedSeries({ store: fleet, epoch, clock, isOwnMetric });
    const dataPlanes = options.dataPlanes ?? new ReportingDataPlanes({ store: fleet, series, epoch, clock });
    const tokens = {
      secret: "dev",
      secretName: "API_JWT_SECRET",
      requireExp: false,
      claims: {},
      blocklist: [],
      ...options.tokens,
    };
    collectStoreMetrics(metrics, dataSource, clock);
    const ledger = new FleetLedger({
      store: fleet,
      controlPlane: randomUUID(),
      clock,
      logger: log,
      onAcked: (ms) => streamMetrics.acked(ms),
    });
    ledger.start();
    const streamMetrics = new StreamMetrics(metrics);
    const reports = new Reports(fleet, clock);
    const limits = { ...STREAM_LIMITS, ...options.stream?.limits };
    const registry = new StoredRegistry(dataSource, limits.instancesPerGroup, clock);
    const stream =
      options.stream === undefined
        ? undefined
        : await startStreamServer({
            port: 0,
            ...options.stream,
            publications: publisher,
            logger: log,
            clock,
            host: "127.0.0.1",
            name: "replica",
            registry,
            ledger,
            events: {
              nacked: (code) => streamMetrics.nacked(code),
              reported: (name, status) => reports.save(name, status),
              disconnected: (name) => reports.ended(name),
            },
          });
    streamMetrics.countStreams(() => stream?.instances().length ?? 0);
    const app = makeApp({
      tenants: new TenantService(tenants, clock),
      users: new UserService(tenants, clock),
      orders: new OrderService(tenants, dataPlanes, clock),
      clusters: new ClusterService(new StoredClusters(dataSource, vault, clock)),
      audit: new StoredAudit(dataSource),
      dataPlanes,
      fleet: new FleetService(fleet, epoch, clock),
      authenticate: bearerTokens(tokens),
      authenticateMetrics: metricsReaders(
        { secret: options.metricsSecret === "none" ? undefined : METRICS_SECRET, blocklist: [] },
        tokens,
      ),
      rateLimits: options.rateLimits ?? { perToken: 0, perAddress: 0 },
      trustedProxies: options.trustedProxies ?? [],
      metrics,
      logger: log,
      healthChecks: [
        {
          name: "database_reachable",
          failure: "the database does not answer",
          passes: () =>
            dataSource.query("SELECT 1").then(
              () => true,
              () => false,
            ),
        },
      ],
      checkAnswers: true,
    });
    const stop = async (): Promise<void> => {
      await stream?.stop();
      await ledger.stop();
      await publisher.stop();
      await dataSource.destroy();
    };
    const forgetting = new Forgetting(fleet, 7, clock, log);
    return new Replica({ app, publisher, log, trust, stop, stream, forgetting, registry });
  }
}
