import type { TenantOrders } from "./tenant.js";

/** The orders of a stored tenant, or of a new one. A PUT leaves them as they are. */
export function ordersOf(stored: TenantOrders | undefined): TenantOrders {
  return {
    terminateSeq: stored?.terminateSeq ?? 0,
    pausedUntil: stored?.pausedUntil ?? null,
    bansClearedAt: stored?.bansClearedAt ?? null,
    clearedBans: stored?.clearedBans ?? [],
    credentialsSeq: stored?.credentialsSeq ?? 0,
    bannedAt: stored?.bannedAt ?? null,
    banReason: stored?.banReason ?? null,
    bannedUntil: stored?.bannedUntil ?? null,
  };
}
