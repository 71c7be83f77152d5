import { createPublicKey } from "node:crypto";
import { hostname } from "node:os";
import { signerFromPem } from "@sluice/shared/bundle";
import type { Lifecycle } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import { systemClock } from "@sluice/shared/time";
import type { ControlPlaneConfig } from "./config.js";
import { makeApp, startHttpServer } from "./http/index.js";
import { bearerTokens } from "./operators/index.js";
import { makeDataSource, migrate, StoredPublications, StoredTenants, Vault } from "./persistence/index.js";
import { openOwnKeyset, Publisher } from "./publishing/index.js";
import { startStreamServer } from "./stream/index.js";
import { TenantService } from "./tenants/index.js";

/** Makes all objects of the control plane, joins and starts them. */
export async function compose(
  config: ControlPlaneConfig,
  logger: Logger,
  lifecycle: Lifecycle,
): Promise<{ readonly http: number; readonly stream: number }> {
  const signer = signerFromPem(config.CONFIG_KEY_PATH.toString("utf8"));
  const keyset = openOwnKeyset(config.KEYSET_PATH, config.TRUST_ROOT_KEYS, signer, systemClock.now());

  const dataSource = makeDataSource(config.DATABASE_URL, config.DB_POOL_SIZE, logger);
  await dataSource.initialize();
  lifecycle.add({ name: "database", stop: () => dataSource.destroy() });
  await migrate(dataSource);

  const vault = new Vault(config.VAULT_ENC_KEY);
  const publications = new StoredPublications(dataSource, config.DATABASE_URL, vault, systemClock, logger);
  const publisher = new Publisher(publications, signer, keyset, systemClock, logger);
  await publisher.start();
  lifecycle.add({ name: "publisher", stop: () => publisher.stop() });

  const stream = await startStreamServer({
    publications: publisher,
    logger,
    clock: systemClock,
    host: config.LISTEN_ADDRESS,
    port: config.STREAM_PORT,
    tls: { cert: config.STREAM_TLS_CERT_PATH, key: config.STREAM_TLS_KEY_PATH },
    tokenPublicKey: createPublicKey(config.STREAM_TOKEN_KEY_PATH),
    name: hostname(),
  });
  lifecycle.add({ name: "stream", stop: () => stream.stop() });

  const app = makeApp({
    tenants: new TenantService(new StoredTenants(dataSource, vault)),
    authenticator: bearerTokens({
      secret: config.API_JWT_SECRET,
      requireExp: config.API_JWT_REQUIRE_EXP,
      claims: config.JWT_CLAIM_VALIDATORS,
      blocklist: config.API_TOKEN_BLOCKLIST,
    }),
    logger,
    isHealthy: () =>
      dataSource.query("SELECT 1").then(
        () => true,
        () => false,
      ),
  });
  const http = await startHttpServer(app, config.LISTEN_ADDRESS, config.PORT);
  lifecycle.add({ name: "http", stop: () => http.stop() });
  return { http: http.port, stream: stream.port };
}
