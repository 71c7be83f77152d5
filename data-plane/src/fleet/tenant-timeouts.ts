import { anyTimeout, type Timeouts } from "../relay/index.js";
import type { Tenant } from "../tenants/index.js";

/** The timeouts of those tenants that have any: most have none, and their sessions cost nothing then. */
export class TenantTimeouts {
  readonly #byTenant = new Map<string, Timeouts>();

  get any(): boolean {
    return this.#byTenant.size > 0;
  }

  of(tenant: string | undefined): Timeouts | undefined {
    return tenant === undefined ? undefined : this.#byTenant.get(tenant);
  }

  changed(tenant: Tenant): void {
    const timeouts: Timeouts = {
      clientIdleMs: tenant.clientIdleTimeoutMs,
      idleTransactionMs: tenant.idleTransactionTimeoutMs,
      queryMs: tenant.queryTimeoutMs,
      transactionMs: tenant.transactionTimeoutMs,
    };
    if (anyTimeout(timeouts)) this.#byTenant.set(tenant.id, timeouts);
    else this.#byTenant.delete(tenant.id);
  }

  removed(tenant: Tenant): void {
    this.#byTenant.delete(tenant.id);
  }
}
