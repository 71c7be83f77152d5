import type { Tenant } from "./tenant.js";

/** Whether a change took a user away that the tenant named. One that logs in with a token was never named. */
export function isUserRemoved(tenant: Tenant, before: Tenant, user: string): boolean {
  return tenant.requireUser && before.users.has(user) && !tenant.users.has(user);
}
