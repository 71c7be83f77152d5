import type { IpVersion, PoolMode, UpstreamVerify } from "@sluice/shared/tenant";

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

/** All of a tenant but its users and timestamps. */
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
}

export interface Tenant extends TenantSettings {
  readonly users: readonly User[];
}

export interface StoredTenant extends Tenant {
  readonly id: string;
  readonly insertedAt: Date;
  readonly updatedAt: Date;
}
