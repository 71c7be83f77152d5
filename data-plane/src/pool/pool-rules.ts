import { type ServerReset, USER_DEFAULTS } from "@sluice/shared/tenant";
import type { Tenant } from "../tenants/index.js";

/** How a pool keeps its servers. Replaced whole when the tenant changes; what is open lives on under the new ones. */
export interface PoolRules {
  /** Most servers. */
  readonly size: number;
  /** Servers that are kept open while there are clients: this worker's part of `min_pool_size`. */
  readonly minSize: number;
  /** In ms, 0: for ever. */
  readonly idleTimeoutMs: number;
  /** In ms, 0: for ever. Never inside a transaction. */
  readonly lifetimeMs: number;
  readonly connectTimeoutMs: number;
  /** How long a client waits for a server, in ms. */
  readonly checkoutTimeoutMs: number;
  readonly reset: ServerReset;
  /** Servers that sessions may keep to themselves at a time. */
  readonly maxPinned: number;
  /** Wall clock, ms since the epoch: until then no server is given out and none is opened. 0: not paused. */
  readonly pausedUntilMs: number;
}

/** Which worker of how many: each keeps its part of what is always kept. */
export interface WorkerPlace {
  readonly number: number;
  readonly of: number;
}

/** @param dataPlanes how many share the pool's size (`REGION_DATA_PLANES`) */
export function poolRulesOf(
  tenant: Tenant,
  user: string,
  dataPlanes = 1,
  worker: WorkerPlace = { number: 0, of: 1 },
): PoolRules {
  const size = Math.ceil((tenant.users.get(user)?.poolSize ?? tenant.defaultPoolSize) / dataPlanes);
  return {
    size,
    minSize: partOf(Math.min(tenant.minPoolSize, size), worker),
    idleTimeoutMs: tenant.serverIdleTimeoutMs,
    lifetimeMs: tenant.serverLifetimeMs,
    connectTimeoutMs: tenant.serverConnectTimeoutMs,
    checkoutTimeoutMs:
      (tenant.users.get(user) ?? tenant.manager)?.checkoutTimeoutMs ?? USER_DEFAULTS.poolCheckoutTimeoutMs,
    reset: tenant.serverReset,
    maxPinned: tenant.maxPinned ?? Math.ceil(size / 2),
    pausedUntilMs: tenant.orders.pausedUntilMs,
  };
}

/** Parts of all workers together are the whole. */
function partOf(whole: number, { number, of }: WorkerPlace): number {
  return Math.floor(whole / of) + (number < whole % of ? 1 : 0);
}
