import type { StoredSecret } from "../auth/index.js";
import type { Tenant } from "../tenants/index.js";

/** Where the secret that a user's password is checked by comes from. */
export interface Verifiers {
  /**
   * Undefined: there is no such user, or none that could log in.
   * @throws AuthQueryFailed when the tenant's database cannot tell
   */
  find(tenant: Tenant, user: string): Promise<StoredSecret | undefined>;
}
