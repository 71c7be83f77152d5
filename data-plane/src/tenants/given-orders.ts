import type { Ban, Orders, Tenant } from "./tenant.js";

/** What a change of a tenant tells a data plane to do, once. */
export interface GivenOrders {
  readonly terminate: boolean;
  readonly pause: "paused" | "resumed" | undefined;
  readonly clearBans: boolean;
  readonly credentials: boolean;
  /** Nobody logs in from now on, and sessions end. */
  readonly ban: boolean;
}

interface Ordered {
  readonly orders: Orders;
  readonly ban: Ban | undefined;
}

/**
 * A value that rose past the one that was applied. Applied is what the state in force says, which is on disk: so an
 * order is acted on once, also by a data plane that was away, and one that held nothing starts at the record's value.
 */
export function givenOrders({ orders, ban }: Ordered, before: Ordered | undefined): GivenOrders {
  if (before === undefined)
    return { terminate: false, pause: undefined, clearBans: false, credentials: false, ban: false };
  const was = before.orders;
  return {
    terminate: orders.terminateSeq > was.terminateSeq,
    pause:
      orders.pausedUntilMs === was.pausedUntilMs
        ? undefined
        : orders.pausedUntilMs === 0
          ? "resumed"
          : "paused",
    clearBans:
      orders.bansClearedAtMs > was.bansClearedAtMs ||
      [...orders.clearedBans].some(([address, atMs]) => atMs > (was.clearedBans.get(address) ?? 0)),
    credentials: orders.credentialsSeq > was.credentialsSeq,
    ban: ban !== undefined && ban.atMs !== before.ban?.atMs,
  };
}

export function anyOrder({ terminate, pause, clearBans, credentials, ban }: GivenOrders): boolean {
  return terminate || pause !== undefined || clearBans || credentials || ban;
}

/** Whether a change of a tenant brings the order to end its sessions and servers. */
export function terminationOrdered(tenant: Tenant, before: Tenant | undefined): boolean {
  const { terminate, ban } = givenOrders(tenant, before);
  return terminate || ban;
}
