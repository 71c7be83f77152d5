import type { VerifiedBytes } from "@sluice/shared/bundle";
import { SluiceError } from "@sluice/shared/errors";
import { background } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import type { Clock } from "@sluice/shared/time";
import type { CancelPeers } from "../cancel/index.js";
import { type FleetFigures, labelsOf } from "../metrics/index.js";
import { OUTSIDE_POOLS, poolRulesOf } from "../pool/index.js";
import type { AcceptedChange, ActedOrder, StateSink } from "../subscription/index.js";
import {
  type AddressBan,
  anyOrder,
  type Directory,
  examineRecord,
  givenOrders,
  keepRecords,
} from "../tenants/index.js";
import { sameUpstream } from "../transport/index.js";
import type { CachedVerifiers } from "../verifiers/index.js";
import { ActedOrders } from "./acted-orders.js";
import type { Ask, AskAnswer } from "./asks.js";
import { CancelRouter } from "./cancel-router.js";
import { LearntByTenant } from "./learnt-parameters.js";
import { LoginDesk } from "./login-desk.js";
import type { ToPrimary, ToWorker, VerifierAnswer } from "./messages.js";
import { PermitOffice } from "./permit-office.js";
import { Questions } from "./questions.js";
import { nextInRound } from "./room-round.js";
import { StateFeed } from "./state-feed.js";

export interface PrimaryOptions {
  readonly directory: Directory;
  readonly verifiers: CachedVerifiers;
  readonly figures: FleetFigures;
  readonly scope: string;
  /** How many data planes share the bounds on a tenant's servers (`REGION_DATA_PLANES`). */
  readonly regionDataPlanes: number;
  /** Of its cancel keys, 10 bits. */
  readonly node: number;
  readonly cancelPeers: CancelPeers | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The way to a worker. `sent` is called when the message has left, or never will. */
export type PostToWorker = (message: ToWorker, sent?: () => void) => void;

interface Attached {
  readonly post: PostToWorker;
  readonly feed: StateFeed;
}

/**
 * What there is once in a data plane, as its workers see it: the state, auth_query, the permits, the figures. It knows
 * workers by number and knows nothing of processes.
 */
export class Primary implements StateSink {
  readonly #options: PrimaryOptions;
  readonly #workers = new Map<number, Attached>();
  readonly #records = new Map<string, VerifiedBytes>();
  readonly #permits: PermitOffice;
  readonly #acted: ActedOrders;
  readonly #questions: Questions;
  readonly #ordered = new Set<string>();
  readonly #desk: LoginDesk;
  readonly #learnt = new LearntByTenant();
  readonly #cancels: CancelRouter;
  #dataKeys: ReadonlyMap<string, Uint8Array> = new Map();
  #stateNumber = 0;

  constructor(options: PrimaryOptions) {
    this.#options = options;
    const { directory, clock } = options;
    this.#acted = new ActedOrders(clock);
    this.#questions = new Questions(clock);
    this.#permits = new PermitOffice({
      limitsOf: ({ tenant: id, user }) => {
        const tenant = directory.find(id);
        if (tenant === undefined) return { pool: 0, tenant: undefined };
        const { regionDataPlanes } = options;
        const { size } = poolRulesOf(tenant, user, regionDataPlanes);
        const pool = user === OUTSIDE_POOLS ? Number.POSITIVE_INFINITY : size;
        const { maxServerConnections: most } = tenant;
        return { pool, tenant: most === undefined ? undefined : Math.ceil(most / regionDataPlanes) };
      },
      grant: (worker, pool, count) => this.#post(worker, { kind: "permits-granted", pool, count }),
      recall: (worker, pool, count, floor) =>
        this.#post(worker, { kind: "permits-recalled", pool, count, floor }),
    });
    this.#desk = new LoginDesk({
      ...options,
      braked: ({ thing: tenant, address: group, remainingMs }) =>
        this.#postToAll({ kind: "braked", tenant, group, remainingMs }),
      full: (tenant, limit) => this.#postToAll({ kind: "full", tenant, limit }),
      tight: (tenant, countedAs) => this.#postToAll({ kind: "tight", tenant, countedAs }),
      suspected: (suspect, worker) => {
        for (const [other, { post }] of this.#workers)
          if (other !== worker) post({ kind: "suspected", ...suspect });
      },
    });
    this.#cancels = new CancelRouter({
      ...options,
      peers: options.cancelPeers,
      ask: (worker, id, { pid, secret }) => {
        if (!this.#workers.has(worker)) return false;
        this.#post(worker, { kind: "cancel", id, pid, secret });
        return true;
      },
    });
    directory.listen({
      tenantChanged: (tenant, before) => {
        const orders = givenOrders(tenant, before);
        if (anyOrder(orders)) this.#ordered.add(tenant.id);
        const lifted = this.#desk.tenantChanged(tenant, before);
        if (orders.clearBans) this.#acted.done(tenant.id, { bans_cleared: lifted });
        this.#permits.limitsChanged(tenant.id);
        if (before !== undefined && !sameUpstream(before.upstream, tenant.upstream))
          this.#learnt.forget(tenant.id);
      },
      tenantRemoved: (tenant) => {
        this.#desk.tenantRemoved(tenant.id);
        this.#learnt.forget(tenant.id);
        this.#permits.limitsChanged(tenant.id);
      },
    });
  }

  examine(id: string, body: VerifiedBytes, dataKeys: ReadonlyMap<string, Uint8Array>): void {
    examineRecord(id, body, this.#options.scope, dataKeys);
  }

  apply(change: AcceptedChange): void {
    this.#dataKeys = change.dataKeys;
    for (const id of change.remove) this.#records.delete(id);
    for (const [id, body] of change.upsert) this.#records.set(id, body);
    keepRecords(this.#options.directory, change);
    this.#stateNumber += 1;
    const number = this.#stateNumber;
    if (this.#ordered.size > 0) this.#acted.given(number, this.#ordered, this.#workers.keys());
    this.#ordered.clear();
    for (const { feed } of this.#workers.values()) feed.change({ ...change, number });
  }

  acted(): Promise<readonly ActedOrder[]> {
    return this.#acted.take();
  }

  /** Answers of all workers, for the console. @throws DeadlinePassed */
  ask(ask: Ask): Promise<readonly AskAnswer[]> {
    return this.#questions.ask(ask, [...this.#workers.keys()], (worker, id) =>
      this.#post(worker, { kind: "ask", id, ask }),
    );
  }

  /** By an order of the console. Undefined: all tenants at once. */
  paused(tenant: string | undefined): boolean {
    return this.#questions.paused(tenant);
  }

  /** Addresses that are turned away. */
  get bans(): readonly AddressBan[] {
    return this.#desk.bans;
  }

  /** A worker has begun: it is given the state, and `ready` is called when all of it has left. */
  attach(worker: number, post: PostToWorker, ready: () => void): void {
    const feed = new StateFeed((message, sent) => post(message, sent));
    this.#workers.set(worker, { post, feed });
    for (const ask of this.#questions.standing()) post({ kind: "ask", id: 0, ask });
    for (const { thing, address, remainingMs } of this.#desk.bans)
      post({ kind: "braked", tenant: thing, group: address, remainingMs });
    for (const suspect of this.#desk.suspects) post({ kind: "suspected", ...suspect });
    for (const [tenant, limit] of this.#desk.full) post({ kind: "full", tenant, limit });
    for (const learnt of this.#learnt.all()) post({ kind: "learnt", learnt });
    if (!this.#options.directory.loaded) {
      ready();
      return;
    }
    const primary = this;
    const state = {
      scope: this.#options.scope,
      records: this.#records,
      get number() {
        return primary.#stateNumber;
      },
      get dataKeys() {
        return primary.#dataKeys;
      },
    };
    feed.whole(state, ready);
  }

  /** It is gone, and its sockets with it. */
  detach(worker: number): void {
    if (!this.#workers.delete(worker)) return;
    this.#permits.workerGone(worker);
    this.#desk.workerGone(worker);
    this.#cancels.workerGone(worker);
    this.#options.figures.ended(worker);
    this.#acted.gone(worker);
    this.#questions.gone(worker);
  }

  received(worker: number, message: ToPrimary): void {
    if (!this.#workers.has(worker)) return;
    const { logger, directory, verifiers, figures } = this.#options;
    switch (message.kind) {
      case "verifier-wanted":
        background(logger, "verifier", this.#answer(worker, message));
        break;
      case "acted":
        this.#acted.answered(worker, message.state, message.results);
        break;
      case "login": {
        const { id, login } = message;
        const { verdict, room } = this.#desk.settle(worker, login);
        const tenant = verdict.kind === "wrong" ? directory.find(login.tenant) : undefined;
        if (tenant !== undefined && !tenant.requireUser) {
          verifiers.loginFailed(tenant, login.user);
          this.#postToAll({ kind: "verifier-outdated", tenant: tenant.id, user: login.user });
        }
        // Behind it: who tries again at once is not judged by what is outdated.
        this.#post(worker, { kind: "verdict", id, tenant: login.tenant, verdict, room });
        break;
      }
      case "clients-left":
        this.#desk.left(worker, message.tenant, message.countedAs, message.count);
        break;
      case "cancel-requested": {
        const { request, pid, secret, origin } = message;
        this.#cancels.requested({
          key: { pid, secret: Buffer.from(secret) },
          origin,
          tell: (found) => {
            if (origin.passedOn) this.#post(worker, { kind: "cancel-outcome", request, found });
          },
        });
        break;
      }
      case "cancel-answered":
        this.#cancels.answered(message.id, message.found);
        break;
      case "learnt":
        this.#learnt.add(message.learnt);
        for (const [other, { post }] of this.#workers) if (other !== worker) post(message);
        break;
      case "permits-asked":
        this.#permits.asked(worker, message.pool, labelsOf(message.pool), message.wish);
        break;
      case "permits-returned":
        this.#permits.returned(worker, message.pool, message.count);
        break;
      case "room-wanted": {
        const next = nextInRound(message.round, this.#workers.keys());
        if (next !== undefined) this.#post(next, { kind: "make-room", round: message.round });
        break;
      }
      case "answer":
        this.#questions.answered(worker, message.id, message.answer);
        break;
      case "figures":
        figures.received(worker, message.figures);
        break;
      case "hello":
      case "taking-clients":
      case "cannot-listen":
      case "ports-closed":
      case "client-taken":
        break;
      default:
        message satisfies never;
    }
  }

  async #answer(
    worker: number,
    wanted: { readonly id: number; readonly tenant: string; readonly user: string },
  ): Promise<void> {
    const { directory, verifiers } = this.#options;
    let outcome: VerifierAnswer["outcome"];
    try {
      const tenant = directory.find(wanted.tenant);
      if (tenant === undefined) outcome = { found: undefined, freshForMs: 0 };
      else {
        const found = await verifiers.find(tenant, wanted.user);
        outcome = { found, freshForMs: verifiers.freshForMs(tenant, wanted.user) };
      }
    } catch (error) {
      outcome = { failed: SluiceError.from(error).clientMessage.replace(/^\(EAUTHQUERY\) /, "") };
    }
    this.#post(worker, { kind: "verifier", id: wanted.id, outcome });
  }

  #postToAll(message: ToWorker): void {
    for (const { post } of this.#workers.values()) post(message);
  }

  #post(worker: number, message: ToWorker): void {
    this.#workers.get(worker)?.post(message);
  }
}
