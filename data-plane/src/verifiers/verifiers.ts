import type { ScramVerifier } from "@sluice/shared/secrets";
import type { Tenant } from "../tenants/index.js";

/** Where the verifier of a user comes from. */
export interface Verifiers {
  /**
   * Undefined: there is no such user.
   * @throws AuthQueryFailed when the tenant's database cannot tell
   */
  find(tenant: Tenant, user: string): Promise<ScramVerifier | undefined>;
  /** Somebody used a wrong password, perhaps because it was changed: the next look-up asks again. */
  loginFailed(tenant: Tenant, user: string): void;
}
