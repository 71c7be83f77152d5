import { parseStoredSecret, type StoredSecret } from "../auth/index.js";
import type { Tenant, TenantUser } from "../tenants/index.js";

/** By user of a tenant's revision: opened and parsed at the first login, not at each. */
const opened = new WeakMap<TenantUser, StoredSecret | undefined>();

/** The secret that came with the bundle (`require_user: true`). */
export function configuredSecret(tenant: Tenant, user: string): StoredSecret | undefined {
  const known = tenant.users.get(user);
  // For an unknown user another's is looked at and thrown away, so that both take the same time.
  const looked = known ?? tenant.users.values().next().value;
  const secret = looked === undefined ? undefined : secretOf(looked);
  return known === undefined ? undefined : secret;
}

function secretOf(user: TenantUser): StoredSecret | undefined {
  if (!opened.has(user)) opened.set(user, parseStoredSecret(user.verifier()));
  return opened.get(user);
}
