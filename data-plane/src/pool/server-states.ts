import type { PooledServer } from "./pooled-server.js";

export interface ServerStates {
  readonly leased: number;
  readonly pinned: number;
  /** On their way back: being made clean, or waited for by a cancel request. */
  readonly resetting: number;
  /** Kept by their sessions, or likely to be. */
  readonly keeping: number;
}

/** How many of a pool's servers are in which state. */
export function countStates(servers: Iterable<PooledServer>): ServerStates {
  let [leased, pinned, resetting, keeping] = [0, 0, 0, 0];
  for (const { state, pinning } of servers) {
    if (state === "pinned" || pinning) keeping += 1;
    if (state === "leased") leased += 1;
    else if (state === "pinned") pinned += 1;
    else if (state === "resetting" || state === "canceling") resetting += 1;
  }
  return { leased, pinned, resetting, keeping };
}
