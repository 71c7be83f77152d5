import type { Logger } from "@sluice/shared/observability";
import pg from "pg";
import { DataSource } from "typeorm";
import { AUDIT_ENTITIES } from "./audit-entities.js";
import { CLUSTER_ENTITIES } from "./cluster-entities.js";
import { FLEET_ENTITIES } from "./fleet-entities.js";
import { Initial1764000000000 } from "./migrations/1764000000000-initial.js";
import { TenantFields1764100000000 } from "./migrations/1764100000000-tenant-fields.js";
import { ClustersAndAudit1764100001000 } from "./migrations/1764100001000-clusters-and-audit.js";
import { AuditOfACluster1764300000000 } from "./migrations/1764300000000-audit-of-a-cluster.js";
import { Fleet1764400000000 } from "./migrations/1764400000000-fleet.js";
import { Deltas1764500000000 } from "./migrations/1764500000000-deltas.js";
import { Traceparent1764600000000 } from "./migrations/1764600000000-traceparent.js";
import { PUBLICATION_ENTITIES } from "./publication-entities.js";
import { QuietLogger } from "./quiet-logger.js";
import { SCHEMA } from "./schema.js";
import { TENANT_ENTITIES } from "./tenant-entities.js";

/** Connecting, and waiting for a free connection of the pool. */
const CONNECT_TIMEOUT_MS = 5000;
/** On the server, so that nothing that nobody waits for goes on; the longest is a new scope's records. */
const STATEMENT_TIMEOUT_MS = 30_000;
/** A peer that vanished without a word. */
const QUERY_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 5000;

export interface DatabaseOptions {
  /** postgres://... */
  readonly url: string;
  readonly poolSize: number;
  readonly logger: Logger;
}

export function makeDataSource({ url, poolSize, logger }: DatabaseOptions): DataSource {
  return new DataSource({
    type: "postgres",
    // Given, not found: hoisting in a workspace must not decide which one it is.
    driver: pg,
    url,
    schema: SCHEMA,
    poolSize,
    applicationName: "sluice_meta",
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    extra: {
      statement_timeout: STATEMENT_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
      keepAlive: true,
    },
    // Made by no extension of the database.
    installExtensions: false,
    entities: [
      ...TENANT_ENTITIES,
      ...CLUSTER_ENTITIES,
      ...AUDIT_ENTITIES,
      ...PUBLICATION_ENTITIES,
      ...FLEET_ENTITIES,
    ],
    migrations: [
      Initial1764000000000,
      TenantFields1764100000000,
      ClustersAndAudit1764100001000,
      AuditOfACluster1764300000000,
      Fleet1764400000000,
      Deltas1764500000000,
      Traceparent1764600000000,
    ],
    migrationsTableName: "migrations",
    logger: new QuietLogger(logger),
  });
}
