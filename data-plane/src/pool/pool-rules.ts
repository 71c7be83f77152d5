import type { ServerReset } from "@sluice/shared/tenant";
import type { Tenant } from "../tenants/index.js";

/** How a pool keeps its servers. Replaced whole when the tenant changes; what is open lives on under the new ones. */
export interface PoolRules {
  /** Most servers. */
  readonly size: number;
  /** Servers that are kept open once there were any; at most `size`. */
  readonly minSize: number;
  /** In ms, 0: for ever. */
  readonly idleTimeoutMs: number;
  /** In ms, 0: for ever. Never inside a transaction. */
  readonly lifetimeMs: number;
  readonly connectTimeoutMs: number;
  readonly reset: ServerReset;
  /** Wall clock, ms since the epoch: until then no server is given out and none is opened. 0: not paused. */
  readonly pausedUntilMs: number;
}

export function poolRulesOf(tenant: Tenant, user: string): PoolRules {
  const size = tenant.users.get(user)?.poolSize ?? tenant.defaultPoolSize;
  return {
    size,
    minSize: Math.min(tenant.minPoolSize, size),
    idleTimeoutMs: tenant.serverIdleTimeoutMs,
    lifetimeMs: tenant.serverLifetimeMs,
    connectTimeoutMs: tenant.serverConnectTimeoutMs,
    reset: tenant.serverReset,
    pausedUntilMs: tenant.orders.pausedUntilMs,
  };
}
