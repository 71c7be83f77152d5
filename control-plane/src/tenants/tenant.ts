import type { IpVersion, PoolMode, ServerReset, UpstreamVerify } from "@sluice/shared/tenant";

/** A role that clients log in as, with its own limits. Secrets are in clear here: in memory, for one request. */
export interface User {
  readonly dbUser: string;
  readonly dbUserAlias: string;
  readonly dbPassword: string;
  /** `SCRAM-SHA-256$...`, made when the password was written. */
  readonly verifier: string;
  readonly poolSize: number;
  readonly modeType: PoolMode;
  readonly isManager: boolean;
  readonly poolCheckoutTimeoutMs: number;
  readonly maxClients: number | null;
}

/** What a PUT sets, but for its users. */
export interface TenantSettings {
  readonly externalId: string;
  readonly dbHost: string;
  readonly dbPort: number;
  readonly dbDatabase: string;
  readonly defaultParameterStatus: Readonly<Record<string, string>>;
  readonly ipVersion: IpVersion;
  readonly upstreamSsl: boolean;
  readonly upstreamVerify: UpstreamVerify | null;
  /** PEM */
  readonly upstreamTlsCa: string | null;
  readonly upstreamTlsName: string | null;
  readonly enforceSsl: boolean;
  readonly requireUser: boolean;
  readonly authQuery: string | null;
  readonly defaultPoolSize: number;
  readonly defaultMaxClients: number;
  readonly sniHostname: string | null;
  readonly clientIdleTimeoutMs: number;
  readonly clientHeartbeatIntervalS: number;
  readonly allowList: readonly string[];
  readonly availabilityZone: string | null;
  readonly featureFlags: Readonly<Record<string, unknown>>;
  readonly useJit: boolean;
  readonly jitApiUrl: string | null;
  /** Null: every region. */
  readonly regions: readonly string[] | null;
  readonly idleTransactionTimeoutMs: number;
  readonly queryTimeoutMs: number;
  readonly transactionTimeoutMs: number;
  readonly serverIdleTimeoutMs: number;
  readonly serverLifetimeMs: number;
  readonly serverConnectTimeoutMs: number;
  readonly minPoolSize: number;
  /** 0: no bound but those of its pools. */
  readonly maxServerConnections: number;
  readonly applicationNameAddHost: boolean;
  readonly serverReset: ServerReset;
  /** Null: half the pool. */
  readonly maxPinned: number | null;
  readonly allowMd5: boolean;
}

/** A ban of one client address that is lifted. */
export interface ClearedBan {
  readonly address: string;
  readonly clearedAtMs: number;
}

/** What operators have ordered. State, like everything else: a data plane acts when a value rises. */
export interface TenantOrders {
  readonly terminateSeq: number;
  readonly pausedUntil: Date | null;
  /** Bans of addresses that are older are lifted. */
  readonly bansClearedAt: Date | null;
  readonly clearedBans: readonly ClearedBan[];
  readonly credentialsSeq: number;
  readonly bannedAt: Date | null;
  readonly banReason: string | null;
  readonly bannedUntil: Date | null;
}

export interface Tenant extends TenantSettings, TenantOrders {
  readonly users: readonly User[];
}

export interface StoredTenant extends Tenant {
  readonly id: string;
  /** Rises with every change. */
  readonly version: number;
  readonly insertedAt: Date;
  readonly updatedAt: Date;
}
