/** How the address of a database is looked up. */
export type IpVersion = "auto" | "v4" | "v6";

/** What is checked of a database's certificate: nothing, or chain and host name. */
export type UpstreamVerify = "none" | "peer";

export type PoolMode = "transaction" | "session";

/** Defaults of Supavisor's API. */
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
  poolSize: 10_000,
  maxClients: 1_000_000,
  timeoutMs: 24 * 3600 * 1000,
  heartbeatS: 24 * 3600,
  users: 1000,
  allowListEntries: 1000,
} as const;

/** May stand behind the dot of a user name on the wire, in a URL and in a bundle's record id. */
const EXTERNAL_ID = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;

/** No dots: the last dot parts the user from the tenant. */
export function isExternalId(text: string): boolean {
  return EXTERNAL_ID.test(text) && Buffer.byteLength(text) <= LIMITS.externalIdBytes;
}
