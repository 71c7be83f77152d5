import type { Lease, Pool } from "../pool/index.js";
import type { SessionSettings } from "../server/index.js";

const MOST_KNOWN = 200;
/** What this pool's servers reported when a client's settings were in force. */
const known = new WeakMap<Pool, Map<string, ReadonlyMap<string, string>>>();

/**
 * What a direct connection would report to this client, in transaction mode. Settings that a server of this pool
 * has accepted before are not asked again; others take a server now, and its refusal is the client's.
 */
export async function greetingParameters(
  pool: Pool,
  settings: SessionSettings,
  checkoutTimeoutMs: number,
  settle: (lease: Lease) => Promise<ReadonlyMap<string, string>>,
): Promise<ReadonlyMap<string, string>> {
  // Any text is accepted as application_name, and nearly every client has another.
  const applicationName = settings.values.get("application_name");
  const values = new Map(settings.values);
  values.delete("application_name");
  const key = JSON.stringify([...values].sort());
  const ofPool = known.get(pool) ?? new Map<string, ReadonlyMap<string, string>>();
  known.set(pool, ofPool);
  let parameters = values.size === 0 ? pool.parameters : ofPool.get(key);
  if (parameters === undefined) {
    const lease = await pool.checkout(checkoutTimeoutMs);
    parameters = await settle(lease);
    lease.release({ owed: 0, halfSent: false });
    if (values.size > 0 && ofPool.size < MOST_KNOWN) ofPool.set(key, parameters);
  }
  return applicationName === undefined
    ? parameters
    : new Map(parameters).set("application_name", applicationNameAsReported(applicationName));
}

/** PostgreSQL replaces what is not printable ASCII and cuts at NAMEDATALEN - 1. */
function applicationNameAsReported(name: string): string {
  return Buffer.from(name, "utf8")
    .toString("latin1")
    .slice(0, 63)
    .replace(/[^\x20-\x7e]/g, "?");
}
