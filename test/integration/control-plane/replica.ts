import { ClusterService } from "@sluice/control-plane/clusters/index";
import { makeApp, type RateLimits } from "@sluice/control-plane/http/index";
import { type BearerTokenRules, bearerTokens } from "@sluice/control-plane/operators/index";
import {
  collectStoreMetrics,
  makeDataSource,
  migrate,
  StoredAudit,
  StoredClusters,
  StoredPublications,
  StoredTenants,
  Vault,
} from "@sluice/control-plane/persistence/index";
import { Publisher } from "@sluice/control-plane/publishing/index";
import {
  type DataPlanes,
  OrderService,
  silentDataPlanes,
  TenantService,
  UserService,
} from "@sluice/control-plane/tenants/index";
import { systemClock } from "@sluice/shared/time";
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
  readonly tokens?: Partial<BearerTokenRules>;
  readonly rateLimits?: RateLimits;
  readonly trustedProxies?: readonly string[];
}

interface Parts {
  readonly app: ReturnType<typeof makeApp>;
  readonly publisher: Publisher;
  readonly log: RecordedLog;
  readonly trust: Trust;
  readonly stop: () => Promise<void>;
}

/** A control plane on a database, whole but for its ports. Several on one database are replicas. */
export class Replica {
  readonly app: Parts["app"];
  readonly publisher: Publisher;
  readonly log: RecordedLog;
  readonly trust: Trust;
  readonly stop: () => Promise<void>;

  private constructor(parts: Parts) {
    this.app = parts.app;
    this.publisher = parts.publisher;
    this.log = parts.log;
    this.trust = parts.trust;
    this.stop = parts.stop;
  }

  static async start(url: string, options: ReplicaOptions = {}): Promise<Replica> {
    const log = new RecordedLog();
    const trust = options.trust ?? (await Trust.make());
    const dataSource = makeDataSource({ url, poolSize: 10, logger: log });
    await dataSource.initialize();
    await migrate(dataSource);
    const vault = new Vault(options.vaultKey ?? VAULT_ENC_KEY, options.oldVaultKeys);
    const publisher = new Publisher({
      store: new StoredPublications({ dataSource, url, vault, clock: systemClock, logger: log }),
      signer: trust.signer,
      keyset: trust.keyset,
      clock: systemClock,
      logger: log,
    });
    await publisher.start();
    const tenants = new StoredTenants(dataSource, vault, systemClock);
    const dataPlanes = options.dataPlanes ?? silentDataPlanes;
    const tokens = { secret: "dev", requireExp: false, claims: {}, blocklist: [], ...options.tokens };
    const metrics = new Registry();
    collectStoreMetrics(metrics, dataSource, systemClock);
    const app = makeApp({
      tenants: new TenantService(tenants, systemClock),
      users: new UserService(tenants, systemClock),
      orders: new OrderService(tenants, dataPlanes, systemClock),
      clusters: new ClusterService(new StoredClusters(dataSource, vault, systemClock)),
      audit: new StoredAudit(dataSource),
      dataPlanes,
      authenticate: bearerTokens({ secretName: "API_JWT_SECRET", ...tokens }),
      authenticateMetrics: bearerTokens({
        ...tokens,
        secretName: "METRICS_JWT_SECRET",
        secret: METRICS_SECRET,
      }),
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
      await publisher.stop();
      await dataSource.destroy();
    };
    return new Replica({ app, publisher, log, trust, stop });
  }
}
