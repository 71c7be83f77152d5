import type { Upstream } from "../transport/index.js";

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
}

/** A tenant as the data plane serves it: parsed once, checked, never changed. */
export interface Tenant {
  readonly id: string;
  readonly upstream: Upstream;
  readonly database: string;
  readonly enforceSsl: boolean;
  readonly requireUser: boolean;
  readonly authQuery: string | undefined;
  readonly defaultPoolSize: number;
  readonly defaultMaxClients: number;
  readonly clientIdleTimeoutMs: number;
  readonly clientHeartbeatIntervalS: number;
  readonly sniHostname: string | undefined;
  readonly users: ReadonlyMap<string, TenantUser>;
  readonly manager: TenantUser | undefined;
  /** Changes with the record; for what is derived from it and cached. */
  readonly revision: number;
}
