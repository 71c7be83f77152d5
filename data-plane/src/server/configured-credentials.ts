import { type KeyDerivations, keysFromPassword } from "../auth/index.js";
import type { Tenant, TenantUser } from "../tenants/index.js";
import type { ServerCredentials } from "./login.js";

/** By user of a tenant's revision, so that the hashing is done once and not at each login, and all clients hold the same. */
const derived = new WeakMap<TenantUser, ServerCredentials>();

/** What a user's stored password logs in with; undefined for a tenant whose database knows the users. */
export function configuredCredentials(
  tenant: Tenant,
  user: string,
  derivations: KeyDerivations,
): ServerCredentials | undefined {
  const configured = tenant.requireUser ? tenant.users.get(user) : undefined;
  if (configured === undefined) return undefined;
  const known = derived.get(configured);
  if (known !== undefined) return known;
  const scramKeys = keysFromPassword(configured.password(), (password, salt, iterations) =>
    derivations.derive(tenant.id, password, salt, iterations),
  );
  const credentials = { user, scramKeys, password: configured.password };
  derived.set(configured, credentials);
  return credentials;
}
