/** How the address of a database is looked up. */
export type IpVersion = "auto" | "v4" | "v6";

/** What is checked of a database's certificate: nothing, or chain and host name. */
export type UpstreamVerify = "none" | "peer";

export type PoolMode = "transaction" | "session";

/** What is done with a server between two clients: what is known to have changed is undone, or `DISCARD ALL`. */
export type ServerReset = "tracked" | "always";

/** What a cluster's member is for. */
export type MemberType = "write" | "read";

/** Defaults of Supavisor's API; of fields that it does not have, PgBouncer's. */
export const TENANT_DEFAULTS = {
  ipVersion: "auto",
  upstreamSsl: false,
  enforceSsl: false,
  requireUser: false,
  defaultPoolSize: 15,
  defaultMaxClients: 1000,
  clientIdleTimeoutMs: 0,
  clientHeartbeatIntervalS: 60,
  allowList: ["0.0.0.0/0", "::/0"],
  idleTransactionTimeoutMs: 0,
  queryTimeoutMs: 0,
  transactionTimeoutMs: 0,
  serverIdleTimeoutMs: 600_000,
  serverLifetimeMs: 3_600_000,
  serverConnectTimeoutMs: 15_000,
  minPoolSize: 0,
  maxServerConnections: 0,
  applicationNameAddHost: false,
  serverReset: "tracked",
  allowMd5: false,
  useJit: false,
} as const;

export const USER_DEFAULTS = {
  isManager: false,
  poolCheckoutTimeoutMs: 60_000,
} as const;

/** Bounds that the API enforces and the data plane checks again, since it treats its configuration as hostile input. */
export const LIMITS = {
  externalIdBytes: 255,
  /** NAMEDATALEN - 1. */
  nameBytes: 63,
  hostBytes: 253,
  authQueryBytes: 4096,
  caBytes: 256 * 1024,
  passwordBytes: 65_530,
  /** Of all users of a tenant together, so that its record stays far below what a bundle takes. */
  allPasswordsBytes: 1024 * 1024,
  poolSize: 10_000,
  maxClients: 1_000_000,
  timeoutMs: 24 * 3600 * 1000,
  heartbeatS: 24 * 3600,
  users: 1000,
  allowListEntries: 1000,
  maxServerConnections: 100_000,
  /** Of a database server that answers at all, and below the wait of a client at login. */
  serverConnectTimeoutMs: 5 * 60 * 1000,
  urlBytes: 2048,
  banReasonBytes: 1024,
  clearedBans: 100,
  regions: 100,
  clusterMembers: 100,
} as const;

/** May stand behind the dot of a user name on the wire, in a URL and in a bundle's record id. */
const EXTERNAL_ID = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;

/** No dots: the last dot parts the user from the tenant. */
export function isExternalId(text: string): boolean {
  return EXTERNAL_ID.test(text) && Buffer.byteLength(text) <= LIMITS.externalIdBytes;
}
