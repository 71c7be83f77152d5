import { TENANT_DEFAULTS } from "@sluice/shared/tenant";
import { AddressRanges } from "../transport/index.js";
import type { Tenant } from "./tenant.js";

/** For tests: a tenant with every default, and what the test is about. */
export function sampleTenant(what: Partial<Tenant> = {}): Tenant {
  return {
    id: "t",
    upstream: { host: "db", port: 5432, ipVersion: "auto", tls: undefined },
    database: "postgres",
    enforceSsl: false,
    defaultParameterStatus: new Map(),
    requireUser: false,
    authQuery: "select 1",
    defaultPoolSize: 1,
    defaultMaxClients: 1,
    clientIdleTimeoutMs: 0,
    clientHeartbeatIntervalS: 60,
    idleTransactionTimeoutMs: 0,
    queryTimeoutMs: 0,
    transactionTimeoutMs: 0,
    serverIdleTimeoutMs: TENANT_DEFAULTS.serverIdleTimeoutMs,
    serverLifetimeMs: TENANT_DEFAULTS.serverLifetimeMs,
    serverConnectTimeoutMs: TENANT_DEFAULTS.serverConnectTimeoutMs,
    minPoolSize: 0,
    maxServerConnections: undefined,
    maxPinned: undefined,
    applicationNameAddHost: false,
    serverReset: "tracked",
    allowMd5: false,
    jitApiUrl: undefined,
    allowList: AddressRanges.parse(TENANT_DEFAULTS.allowList),
    availabilityZone: undefined,
    namedPreparedStatements: undefined,
    appNameMetric: undefined,
    sniHostname: undefined,
    users: new Map(),
    manager: undefined,
    ban: undefined,
    orders: {
      terminateSeq: 0,
      pausedUntilMs: 0,
      bansClearedAtMs: 0,
      clearedBans: new Map(),
      credentialsSeq: 0,
    },
    revision: 1,
    ...what,
  };
}
