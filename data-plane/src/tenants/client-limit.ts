import type { Tenant } from "./tenant.js";

export interface ClientLimit {
  /** Whose clients are counted together; users without a limit of their own share the tenant's. */
  readonly user: string | undefined;
  readonly limit: number;
}

export function clientLimitOf(tenant: Tenant, user: string): ClientLimit {
  const own = tenant.users.get(user)?.maxClients;
  return own === undefined ? { user: undefined, limit: tenant.defaultMaxClients } : { user, limit: own };
}
