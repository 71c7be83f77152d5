import type { Clock } from "@sluice/shared/time";
import type { FinishedLogin, Verdict } from "../session/index.js";
import {
  type AddressBan,
  clientLimitOf,
  type Directory,
  FailureBrake,
  type Tenant,
} from "../tenants/index.js";
import { clientAddress } from "../transport/index.js";
import { CountedClients } from "./counted-clients.js";
import type { Room } from "./messages.js";

export interface LoginDeskOptions {
  readonly directory: Directory;
  readonly clock: Clock;
  /** To every worker: `remainingMs` 0 lifts it. */
  readonly braked: (ban: AddressBan) => void;
  /** To every worker: with its limit, a tenant that is full. */
  readonly full: (tenant: string, limit: number | undefined) => void;
  /** To every worker: places under this limit are not kept any more. */
  readonly tight: (tenant: string, countedAs: string | undefined) => void;
  /** To every worker but this one: logins of this address at this tenant are not settled without the desk. */
  readonly suspected: (suspect: Suspect, worker: number) => void;
}

/** An address that has failed at a tenant lately. */
export interface Suspect {
  readonly tenant: string;
  readonly group: string;
  readonly remainingMs: number;
}

export interface Settled {
  readonly verdict: Verdict;
  readonly room: Room | undefined;
}

/** A limit is far away while half of it is free, and at least so many places. */
const LEAST_FREE = 16;
/** So many places, at most, are given before they are asked for: a storm of logins then asks this much less often. */
const MOST_AHEAD = 32;

/**
 * Where the workers ask about logins, so that limits, brakes and bans hold over all of them: in the primary, one after the
 * other.
 */
export class LoginDesk {
  readonly #options: LoginDeskOptions;
  readonly #brake: FailureBrake;
  /** Places that are the workers': of clients, and kept for clients to come. */
  readonly #clients = new CountedClients();
  /** Limits under which workers may keep places, by tenant. */
  readonly #roomy = new Map<string, Set<string | undefined>>();
  readonly #full = new Map<string, number>();

  constructor(options: LoginDeskOptions) {
    this.#options = options;
    this.#brake = new FailureBrake(options.clock);
  }

  /** Addresses that are turned away. */
  get bans(): readonly AddressBan[] {
    return this.#brake.bans();
  }

  /** Tenants that have as many clients as they may, with how many that is. */
  get full(): ReadonlyMap<string, number> {
    return this.#full;
  }

  /** Addresses that have failed at a tenant lately. */
  get suspects(): readonly Suspect[] {
    return this.#brake.recent().map(({ thing, ...suspect }) => ({ tenant: thing, ...suspect }));
  }

  settle(worker: number, { tenant: id, user, group, accepted }: FinishedLogin): Settled {
    // Whatever it was: one that guesses on many connections at once learns no more than on one.
    if (group !== undefined && this.#brake.blocks(id, group)) return refused({ kind: "braked" });
    if (!accepted) {
      if (group !== undefined) this.#fail(worker, id, group);
      return refused({ kind: "wrong" });
    }
    const tenant = this.#options.directory.find(id);
    if (tenant === undefined) return refused({ kind: "full", limit: 0 });
    const { user: countedAs, limit } = clientLimitOf(tenant, user);
    if (this.#clients.of(id, countedAs) >= limit) return refused({ kind: "full", limit });
    this.#clients.add(worker, id, countedAs);
    const room = this.#roomFor(worker, id, countedAs, limit);
    this.#tellIfFull(tenant);
    return { verdict: { kind: "welcome", countedAs }, room };
  }

  left(worker: number, tenant: string, countedAs: string | undefined, count: number): void {
    this.#clients.remove(worker, tenant, countedAs, count);
    this.#tellOf(tenant);
  }

  /** Its clients went with it. */
  workerGone(worker: number): void {
    for (const tenant of this.#clients.workerGone(worker)) this.#tellOf(tenant);
  }

  /** Limits may be others, and bans lifted. @returns how many bans were lifted */
  tenantChanged(tenant: Tenant, before: Tenant | undefined): number {
    this.#tellIfFull(tenant);
    for (const countedAs of this.#roomy.get(tenant.id) ?? []) {
      const { limit } =
        countedAs === undefined ? { limit: tenant.defaultMaxClients } : clientLimitOf(tenant, countedAs);
      if (!isFar(this.#clients.of(tenant.id, countedAs), limit)) this.#tighten(tenant.id, countedAs);
    }
    if (before === undefined) return 0;
    const { bansClearedAtMs, clearedBans } = tenant.orders;
    let lifted = 0;
    if (bansClearedAtMs > before.orders.bansClearedAtMs)
      lifted += this.#lift(tenant.id, undefined, bansClearedAtMs);
    for (const [address, atMs] of clearedBans) {
      if (atMs <= (before.orders.clearedBans.get(address) ?? 0)) continue;
      // The brake counts a v6 client by its /64, and bans are shown so.
      lifted += this.#lift(tenant.id, clientAddress(address.replace(/\/64$/, ""))?.group ?? address, atMs);
    }
    return lifted;
  }

  tenantRemoved(tenant: string): void {
    for (const countedAs of this.#roomy.get(tenant) ?? []) this.#tighten(tenant, countedAs);
    if (this.#full.delete(tenant)) this.#options.full(tenant, undefined);
  }

  /** Places beyond those in use, while their limit is far away. */
  #roomFor(worker: number, tenant: string, countedAs: string | undefined, limit: number): Room | undefined {
    const taken = this.#clients.of(tenant, countedAs);
    if (!isFar(taken, limit)) {
      this.#tighten(tenant, countedAs);
      return undefined;
    }
    const roomy = this.#roomy.get(tenant) ?? new Set();
    this.#roomy.set(tenant, roomy.add(countedAs));
    const ahead = Math.min(MOST_AHEAD, Math.floor((mostFar(limit) - taken) / 8));
    this.#clients.add(worker, tenant, countedAs, ahead);
    return { ahead };
  }

  #tighten(tenant: string, countedAs: string | undefined): void {
    const roomy = this.#roomy.get(tenant);
    if (roomy?.delete(countedAs) !== true) return;
    if (roomy.size === 0) this.#roomy.delete(tenant);
    this.#options.tight(tenant, countedAs);
  }

  #fail(worker: number, tenant: string, group: string): void {
    const remainingMs = this.#brake.failed(tenant, group);
    this.#options.suspected({ tenant, group, remainingMs: this.#brake.windowMs }, worker);
    if (remainingMs > 0) this.#options.braked({ thing: tenant, address: group, remainingMs });
  }

  #lift(tenant: string, group: string | undefined, olderThanMs: number): number {
    const before = this.#brake.bans().filter(({ thing }) => thing === tenant);
    const lifted = this.#brake.lift(tenant, group, olderThanMs);
    for (const ban of before) {
      if (!this.#brake.blocks(ban.thing, ban.address)) this.#options.braked({ ...ban, remainingMs: 0 });
    }
    return lifted;
  }

  #tellOf(id: string): void {
    const tenant = this.#options.directory.find(id);
    if (tenant !== undefined) this.#tellIfFull(tenant);
  }

  /** The tenant as a whole: a user's own limit would tell a stranger that the user exists. */
  #tellIfFull(tenant: Tenant): void {
    let limit = tenant.defaultMaxClients;
    for (const { maxClients } of tenant.users.values()) limit += maxClients ?? 0;
    const full = this.#clients.total(tenant.id) >= limit ? limit : undefined;
    if (full === this.#full.get(tenant.id)) return;
    if (full === undefined) this.#full.delete(tenant.id);
    else this.#full.set(tenant.id, full);
    this.#options.full(tenant.id, full);
  }
}

function refused(verdict: Verdict): Settled {
  return { verdict, room: undefined };
}

/** How many clients there may be while the limit is far away. */
function mostFar(limit: number): number {
  return limit - Math.max(LEAST_FREE, limit / 2);
}

function isFar(taken: number, limit: number): boolean {
  return taken <= mostFar(limit);
}
