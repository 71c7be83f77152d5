import type { PoolMode, ServerReset } from "@sluice/shared/tenant";
import type { AddressRanges, Upstream } from "../transport/index.js";

/** A secret that is opened when it is needed. */
export type Secret = () => string;

export interface TenantUser {
  readonly name: string;
  readonly poolSize: number;
  readonly manager: boolean;
  readonly checkoutTimeoutMs: number;
  /** Undefined: the tenant's default. */
  readonly maxClients: number | undefined;
  readonly password: Secret;
  /** `SCRAM-SHA-256$...` */
  readonly verifier: Secret;
  /** Shown only. */
  readonly alias: string;
  /** Shown only: the port decides. */
  readonly mode: PoolMode;
}

/** In force at `atMs` and after it, up to and with `untilMs`; undefined: until it is lifted. */
export interface Ban {
  readonly reason: string;
  readonly atMs: number;
  readonly untilMs: number | undefined;
}

/** What operators have ordered, as state: acted on when a value rises past the one that was applied. */
export interface Orders {
  readonly terminateSeq: number;
  /** 0: not paused. */
  readonly pausedUntilMs: number;
  /** Bans of addresses that are older are lifted. */
  readonly bansClearedAtMs: number;
  /** The same of single addresses. */
  readonly clearedBans: ReadonlyMap<string, number>;
  /** Rises when stored credentials were changed. */
  readonly credentialsSeq: number;
}

/** A tenant as the data plane serves it: parsed once, checked, never changed. */
export interface Tenant {
  readonly id: string;
  readonly upstream: Upstream;
  readonly database: string;
  readonly enforceSsl: boolean;
  /** For greetings while nobody has reached the database. */
  readonly defaultParameterStatus: ReadonlyMap<string, string>;
  readonly requireUser: boolean;
  readonly authQuery: string | undefined;
  readonly defaultPoolSize: number;
  readonly defaultMaxClients: number;
  readonly clientIdleTimeoutMs: number;
  readonly clientHeartbeatIntervalS: number;
  /** Of these timeouts 0 is off. */
  readonly idleTransactionTimeoutMs: number;
  readonly queryTimeoutMs: number;
  readonly transactionTimeoutMs: number;
  readonly serverIdleTimeoutMs: number;
  readonly serverLifetimeMs: number;
  readonly serverConnectTimeoutMs: number;
  /** Servers that a pool keeps open, at most its size. */
  readonly minPoolSize: number;
  /** Over all pools of the tenant. Undefined: no bound of its own. */
  readonly maxServerConnections: number | undefined;
  /** Undefined: half the pool. */
  readonly maxPinned: number | undefined;
  readonly applicationNameAddHost: boolean;
  readonly serverReset: ServerReset;
  readonly allowMd5: boolean;
  /** Where tokens are checked (JIT). Undefined: this tenant takes none. */
  readonly jitApiUrl: string | undefined;
  /** Where clients may come from. */
  readonly allowList: AddressRanges;
  readonly availabilityZone: string | undefined;
  /** Feature flags. Undefined: the data plane's own setting. */
  readonly namedPreparedStatements: boolean | undefined;
  readonly appNameMetric: boolean | undefined;
  readonly sniHostname: string | undefined;
  readonly users: ReadonlyMap<string, TenantUser>;
  readonly manager: TenantUser | undefined;
  readonly ban: Ban | undefined;
  readonly orders: Orders;
  /** Changes with the record; for what is derived from it and cached. */
  readonly revision: number;
}
