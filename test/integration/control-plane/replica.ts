import { makeApp } from "@sluice/control-plane/http/index";
import { bearerTokens } from "@sluice/control-plane/operators/index";
import {
  makeDataSource,
  migrate,
  StoredPublications,
  StoredTenants,
  Vault,
} from "@sluice/control-plane/persistence/index";
import { Publisher } from "@sluice/control-plane/publishing/index";
import { TenantService } from "@sluice/control-plane/tenants/index";
import { systemClock } from "@sluice/shared/time";
import { RecordedLog } from "./recorded-log.js";
import { Trust } from "./trust.js";

const VAULT_ENC_KEY = "a-vault-key-that-has-32-bytes-ok";

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

  static async start(
    url: string,
    options: { readonly vaultKey?: string; readonly trust?: Trust } = {},
  ): Promise<Replica> {
    const log = new RecordedLog();
    const trust = options.trust ?? (await Trust.make());
    const dataSource = makeDataSource({ url, poolSize: 10, logger: log });
    await dataSource.initialize();
    await migrate(dataSource);
    const vault = new Vault(options.vaultKey ?? VAULT_ENC_KEY);
    const publisher = new Publisher({
      store: new StoredPublications({ dataSource, url, vault, clock: systemClock, logger: log }),
      signer: trust.signer,
      keyset: trust.keyset,
      clock: systemClock,
      logger: log,
    });
    await publisher.start();
    const app = makeApp({
      tenants: new TenantService(new StoredTenants(dataSource, vault, systemClock)),
      authenticate: bearerTokens({ secret: "dev", requireExp: false, claims: {}, blocklist: [] }),
      logger: log,
      databaseAnswers: () =>
        dataSource.query("SELECT 1").then(
          () => true,
          () => false,
        ),
      checkAnswers: true,
    });
    const stop = async (): Promise<void> => {
      await publisher.stop();
      await dataSource.destroy();
    };
    return new Replica({ app, publisher, log, trust, stop });
  }
}
