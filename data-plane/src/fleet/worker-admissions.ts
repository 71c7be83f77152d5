import { type Clock, Deadline, within } from "@sluice/shared/time";
import type { Admissions, FinishedLogin, Verdict } from "../session/index.js";
import { type Arrival, clientLimitOf, type Tenant, UnauthenticatedClients } from "../tenants/index.js";
import { ClientPlaces } from "./client-places.js";
import { ExpiringKeys } from "./expiring-keys.js";
import type { Room, ToPrimary } from "./messages.js";

const ANSWER_TIMEOUT_MS = 10_000;
/** After a failure nobody of this address is judged here for so long, unless the primary says how long. */
const SUSPECTED_MS = 150_000;

export interface WorkerAdmissionsOptions {
  readonly clock: Clock;
  readonly send: (message: ToPrimary) => void;
  readonly tenant: (id: string) => Tenant | undefined;
  /** This worker's part of the bounds on clients that have not logged in. */
  readonly mostUnauthenticated: number;
  readonly mostUnauthenticatedPerAddress: number;
}

/**
 * A worker's side of the desk in the primary. A login that nothing speaks against costs no message: its address has not
 * failed lately, and a place for it is here. Everything else the desk decides, over all workers and one after the other.
 */
export class WorkerAdmissions implements Admissions {
  readonly #options: WorkerAdmissionsOptions;
  readonly #unauthenticated: UnauthenticatedClients;
  readonly #places: ClientPlaces;
  readonly #logins = new Map<number, (verdict: Verdict) => void>();
  readonly #blocked: ExpiringKeys;
  /** Addresses that have failed lately at a tenant. */
  readonly #suspected: ExpiringKeys;
  readonly #full = new Map<string, number>();
  #lastId = 0;

  constructor(options: WorkerAdmissionsOptions) {
    const { clock, send } = options;
    this.#options = options;
    this.#unauthenticated = new UnauthenticatedClients(
      options.mostUnauthenticated,
      options.mostUnauthenticatedPerAddress,
    );
    this.#blocked = new ExpiringKeys(clock);
    this.#suspected = new ExpiringKeys(clock);
    this.#places = new ClientPlaces({
      clock,
      giveBack: (tenant, countedAs, count) => send({ kind: "clients-left", tenant, countedAs, count }),
    });
  }

  arrive(): Arrival {
    return this.#unauthenticated.arrive();
  }

  blocks(tenant: string, group: string): boolean {
    return this.#blocked.has(keyOf(tenant, group));
  }

  /** For so long; 0: no more. */
  braked(tenant: string, group: string, remainingMs: number): void {
    this.#blocked.set(keyOf(tenant, group), remainingMs);
  }

  /** A login of this address at this tenant has failed, here or at another worker. */
  suspected(tenant: string, group: string, remainingMs = SUSPECTED_MS): void {
    this.#suspected.set(keyOf(tenant, group), remainingMs);
  }

  fullAt(tenant: string): number | undefined {
    return this.#full.get(tenant);
  }

  full(tenant: string, limit: number | undefined): void {
    if (limit === undefined) this.#full.delete(tenant);
    else this.#full.set(tenant, limit);
  }

  tight(tenant: string, countedAs: string | undefined): void {
    this.#places.tight(tenant, countedAs);
  }

  async settle(login: FinishedLogin): Promise<Verdict> {
    const here = this.#settleHere(login);
    if (here !== undefined) return here;
    const { clock, send } = this.#options;
    const id = this.#nextId();
    const settled = new Promise<Verdict>((resolve) => {
      this.#logins.set(id, resolve);
    });
    send({ kind: "login", id, login });
    try {
      return await within(Deadline.after(clock, ANSWER_TIMEOUT_MS), "the end of a login", settled);
    } finally {
      this.#logins.delete(id);
    }
  }

  settled(id: number, tenant: string, verdict: Verdict, room: Room | undefined): void {
    if (verdict.kind === "welcome" && room !== undefined)
      this.#places.roomy(tenant, verdict.countedAs, room.ahead);
    const waiting = this.#logins.get(id);
    if (waiting !== undefined) waiting(verdict);
    else if (verdict.kind === "welcome") this.left(tenant, verdict.countedAs);
  }

  left(tenant: string, countedAs: string | undefined): void {
    this.#places.left(tenant, countedAs);
  }

  /**
   * Of an address that has not failed a first guess may be right, whatever comes at the other workers in the same moment:
   * from its first failure on, which is known here at once, the primary counts.
   */
  #settleHere({ tenant: id, user, group, accepted }: FinishedLogin): Verdict | undefined {
    if (!accepted) {
      if (group !== undefined) this.suspected(id, group);
      return undefined;
    }
    if (group !== undefined && this.#suspected.has(keyOf(id, group))) return undefined;
    const tenant = this.#options.tenant(id);
    if (tenant === undefined) return undefined;
    const { user: countedAs } = clientLimitOf(tenant, user);
    return this.#places.tryTake(id, countedAs) ? { kind: "welcome", countedAs } : undefined;
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }
}

function keyOf(tenant: string, group: string): string {
  return `${tenant}\0${group}`;
}
