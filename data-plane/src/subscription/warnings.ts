import type { SubscriptionStatus } from "./subscription.js";

const DAY_MS = 24 * 3600 * 1000;
/** How long in front of its end a keyset should have been replaced. */
const KEYSET_NOTICE_MS = 14 * DAY_MS;

/** What an operator should look at. None of it stops traffic, or makes a data plane not ready. */
export function warningsOf(status: SubscriptionStatus, nowMs: number): string[] {
  const { stale, keysetExpiresAtMs, quarantined } = status;
  const warnings: string[] = [];
  if (stale) warnings.push("the configuration may be stale: no heartbeat that is still good confirms it");
  if (keysetExpiresAtMs !== undefined && keysetExpiresAtMs - nowMs < KEYSET_NOTICE_MS) {
    const at = new Date(keysetExpiresAtMs).toISOString();
    warnings.push(
      keysetExpiresAtMs <= nowMs
        ? `the keyset has expired at ${at}: nothing new is taken`
        : `the keyset expires at ${at}`,
    );
  }
  if (quarantined.length > 0) warnings.push(`${quarantined.length} records are in quarantine`);
  return warnings;
}
