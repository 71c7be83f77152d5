export { CLEAN, type Lease, type LeaseState, type ReleaseReport } from "./lease.js";
export { LocalPermits, type Permits } from "./permits.js";
export { Pool } from "./pool.js";
export { CheckoutTimeout, PoolRetired } from "./pool-failure.js";
export { type PoolRules, poolRulesOf } from "./pool-rules.js";
export { type PoolKey, Pools, type PoolsOptions } from "./pools.js";
export { WaitQueue } from "./wait-queue.js";
