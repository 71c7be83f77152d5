import { LIMITS } from "@sluice/shared/tenant";
import type { ClearedBan, TenantOrders } from "./tenant.js";

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

/** Longer than any ban of an address lasts: what is older lifts nothing any more. */
const REMEMBERED_MS = 3600 * 1000;

/** The newest are kept when there are too many. */
export function withClearedBans(
  known: readonly ClearedBan[],
  addresses: readonly string[],
  nowMs: number,
): readonly ClearedBan[] {
  const still = known.filter(
    ({ address, clearedAtMs }) => clearedAtMs > nowMs - REMEMBERED_MS && !addresses.includes(address),
  );
  const added = [...new Set(addresses)].map((address) => ({ address, clearedAtMs: nowMs }));
  return [...still, ...added].slice(-LIMITS.clearedBans);
}
