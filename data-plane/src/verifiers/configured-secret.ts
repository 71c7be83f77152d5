import { parseStoredSecret, type StoredSecret } from "../auth/index.js";
import type { Tenant } from "../tenants/index.js";

/** The secret that came with the bundle (`require_user: true`). */
export function configuredSecret(tenant: Tenant, user: string): StoredSecret | undefined {
  const known = tenant.users.get(user);
  // For an unknown user another's is opened and thrown away, so that both take the same time.
  const opened = known ?? tenant.users.values().next().value;
  const secret = opened === undefined ? undefined : parseStoredSecret(opened.verifier());
  return known === undefined ? undefined : secret;
}
