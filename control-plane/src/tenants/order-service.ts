import { type Clock, Deadline } from "@sluice/shared/time";
import { banAddress } from "./ban-address.js";
import { checkTexts } from "./check-texts.js";
import type { DataPlanes, NetworkBan, Settlement } from "./data-planes.js";
import { withClearedBans } from "./orders.js";
import { checkPrecondition } from "./precondition.js";
import { Problems } from "./problems.js";
import type { StoredTenant, Tenant } from "./tenant.js";
import { NetworkBansTenantUnknown, TenantInvalid, TenantUnknown } from "./tenant-failure.js";
import type { ChangeRequest } from "./tenant-service.js";
import type { TenantAction, TenantChange, TenantStore } from "./tenant-store.js";

/** How long an answer waits for the data planes; they act in any case. */
const SETTLE_MS = 5000;
/** A pause without an end. */
const FOR_EVER = new Date("9999-12-31T00:00:00.000Z");

export interface OrderResult extends Settlement {
  readonly tenant: StoredTenant;
  /** Undefined: it was so already. */
  readonly generation: bigint | undefined;
}

/** What is left of the bans, and who has lifted those that were named. */
export interface ClearedNetworkBans extends Settlement {
  readonly bans: readonly NetworkBan[];
  readonly generation: bigint | undefined;
}

export interface BanInput {
  readonly reason: string;
  readonly until: Date | null;
}

/** What operators tell the data planes to do with a tenant. An order is state: who is away acts when it is back. */
export class OrderService {
  readonly #store: TenantStore;
  readonly #dataPlanes: DataPlanes;
  readonly #clock: Clock;

  constructor(store: TenantStore, dataPlanes: DataPlanes, clock: Clock) {
    this.#store = store;
    this.#dataPlanes = dataPlanes;
    this.#clock = clock;
  }

  /** Ends all sessions and server connections of now; new ones come in. @throws TenantUnknown */
  terminate(externalId: string, request: ChangeRequest): Promise<OrderResult> {
    return this.#settle(externalId, request, "terminated", (stored) => ({
      ...stored,
      terminateSeq: stored.terminateSeq + 1,
    }));
  }

  /** @param forMs undefined: until `resume`. @throws TenantUnknown */
  pause(externalId: string, forMs: number | undefined, request: ChangeRequest): Promise<OrderResult> {
    const until = forMs === undefined ? FOR_EVER : new Date(this.#clock.now() + forMs);
    return this.#settle(externalId, request, "paused", (stored) => ({ ...stored, pausedUntil: until }));
  }

  /** @throws TenantUnknown */
  resume(externalId: string, request: ChangeRequest): Promise<OrderResult> {
    return this.#settle(externalId, request, "resumed", (stored) =>
      stored.pausedUntil === null ? undefined : { ...stored, pausedUntil: null },
    );
  }

  /** Nobody logs in, and sessions end. Another ban takes the place of the one before. @throws TenantUnknown, TenantInvalid */
  ban(externalId: string, { reason, until }: BanInput, request: ChangeRequest): Promise<OrderResult> {
    const now = this.#clock.now();
    const problems = new Problems();
    checkTexts(reason, "ban_reason", problems);
    if (reason.trim() === "") problems.add("ban_reason", "can't be blank");
    if (until !== null && until.getTime() <= now) problems.add("banned_until", "must be in the future");
    problems.throwIfAny();
    return this.#settle(externalId, request, "banned", (stored) => ({
      ...stored,
      bannedAt: new Date(now),
      banReason: reason,
      bannedUntil: until,
    }));
  }

  /** @throws TenantUnknown */
  unban(externalId: string, request: ChangeRequest): Promise<OrderResult> {
    return this.#settle(externalId, request, "unbanned", (stored) =>
      stored.bannedAt === null
        ? undefined
        : { ...stored, bannedAt: null, banReason: null, bannedUntil: null },
    );
  }

  /** @throws TenantUnknown */
  async networkBans(externalId: string): Promise<readonly NetworkBan[]> {
    if ((await this.#store.find(externalId)) === undefined) throw new TenantUnknown(externalId);
    return this.#dataPlanes.networkBans(externalId);
  }

  /**
   * Lifts bans of client addresses.
   * @throws NetworkBansTenantUnknown, TenantInvalid
   */
  async clearNetworkBans(
    externalId: string,
    addresses: readonly string[] | "all",
    request: ChangeRequest,
  ): Promise<ClearedNetworkBans> {
    const now = this.#clock.now();
    const wanted = addresses === "all" ? addresses : banAddresses(addresses);
    let result: OrderResult;
    try {
      result = await this.#settle(externalId, request, "bans-cleared", (stored) => {
        if (wanted === "all") return { ...stored, bansClearedAt: new Date(now), clearedBans: [] };
        if (wanted.length === 0) return undefined;
        return { ...stored, clearedBans: withClearedBans(stored.clearedBans, wanted, now) };
      });
    } catch (thrown) {
      if (thrown instanceof TenantUnknown) throw new NetworkBansTenantUnknown(externalId);
      throw thrown;
    }
    const { generation, done, outstanding } = result;
    const bans = await this.#dataPlanes.networkBans(externalId);
    const left = bans.filter(({ address }) => wanted !== "all" && !wanted.includes(address));
    return { bans: left, generation, done, outstanding };
  }

  async #settle(
    externalId: string,
    request: ChangeRequest,
    action: TenantAction,
    ordered: (stored: StoredTenant) => Tenant | undefined,
  ): Promise<OrderResult> {
    return this.settled(await this.#change(externalId, request, action, ordered));
  }

  /** What data planes have done of a change, once they have, after 5 s at the latest. */
  async settled({ tenant, generation }: TenantChange): Promise<OrderResult> {
    if (generation === undefined) return { tenant, generation, done: [], outstanding: [] };
    const { externalId, regions } = tenant;
    const settlement = await this.#dataPlanes.settled(
      { tenant: externalId, generation, regions },
      Deadline.after(this.#clock, SETTLE_MS),
    );
    return { tenant, generation, ...settlement };
  }

  #change(
    externalId: string,
    request: ChangeRequest,
    action: TenantAction,
    ordered: (stored: StoredTenant) => Tenant | undefined,
  ): Promise<TenantChange> {
    return this.#store.change(externalId, request.actor, async (stored) => {
      if (stored === undefined) throw new TenantUnknown(externalId);
      checkPrecondition(request.precondition, stored);
      const tenant = ordered(stored);
      return tenant === undefined ? undefined : { tenant, action };
    });
  }
}

/** @throws TenantInvalid */
function banAddresses(addresses: readonly string[]): readonly string[] {
  const bans = addresses.map(banAddress);
  const problems = bans.flatMap((ban, index) =>
    ban === undefined
      ? [[`ipv4_addresses.${index}`, ["must be an IP address, or the /64 of an IPv6 one"]]]
      : [],
  );
  if (problems.length > 0) throw new TenantInvalid(Object.fromEntries(problems));
  return bans.flatMap((ban) => ban ?? []);
}
