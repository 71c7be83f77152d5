import type { ActedOrder } from "../subscription/index.js";
import { anyOrder, type DirectoryListener, givenOrders, type Tenant } from "../tenants/index.js";

export interface OrderedParts {
  readonly clientsOf: (tenant: Tenant) => number;
  /** How many servers each of its pools has. */
  readonly serversOf: (tenant: Tenant) => readonly number[];
}

/**
 * Counts what a worker does for the orders of one state. It listens to the directory in front of those who act, while
 * what they will end is still there.
 */
export class OrderResults implements DirectoryListener {
  readonly #parts: OrderedParts;
  #acted: ActedOrder[] = [];

  constructor(parts: OrderedParts) {
    this.#parts = parts;
  }

  take(): readonly ActedOrder[] {
    const acted = this.#acted;
    this.#acted = [];
    return acted;
  }

  tenantChanged(tenant: Tenant, before: Tenant | undefined): void {
    const orders = givenOrders(tenant, before);
    if (!anyOrder(orders)) return;
    const servers = this.#parts.serversOf(tenant);
    const counts: Record<string, number> = {};
    if (orders.terminate || orders.ban) {
      counts.clients_terminated = this.#parts.clientsOf(tenant);
      counts.servers_terminated = servers.reduce((sum, count) => sum + count, 0);
    }
    if (orders.pause !== undefined) counts[`pools_${orders.pause}`] = servers.length;
    this.#acted.push({ tenant: tenant.id, counts });
  }

  tenantRemoved(): void {
    // Whoever removes orders nothing.
  }
}
