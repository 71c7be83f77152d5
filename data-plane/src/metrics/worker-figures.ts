import type { LoginOutcomes } from "./login-outcomes.js";
import type { PoolRow } from "./pool-row.js";
import type { ProcessFigures } from "./process-figures.js";

/**
 * What a worker reports each second, as it passes the channel: what is there now, and of the pools and logins what
 * has changed. Counts are since the worker's start.
 */
export interface WorkerFigures {
  readonly tenants: number;
  /** Sockets of clients, logged in or not. */
  readonly clients: number;
  readonly pools: ReadonlyMap<string, PoolRow>;
  readonly forgottenPools: readonly string[];
  readonly logins: ReturnType<LoginOutcomes["takeChanges"]>;
  readonly process: ProcessFigures;
}
