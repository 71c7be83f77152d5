import type { Socket } from "node:net";
import type { VerifiedBytes } from "@sluice/shared/bundle";
import { messageOf } from "@sluice/shared/errors";
import { background } from "@sluice/shared/lifecycle";
import { type Logger, SampledLog } from "@sluice/shared/observability";
import type { PoolMode } from "@sluice/shared/tenant";
import { type Clock, Deadline, type Timer } from "@sluice/shared/time";
import { KeyDerivations, MockVerifiers } from "../auth/index.js";
import { CancelKeys, sendCancel } from "../cancel/index.js";
import { LoginOutcomes, PoolMeters, ProcessMeter, type SlowSpans } from "../metrics/index.js";
import { Pools } from "../pool/index.js";
import { Exchanges } from "../relay/index.js";
import {
  type NegotiationRules,
  Session,
  type SessionOwner,
  type SessionSurroundings,
} from "../session/index.js";
import {
  banInForce,
  Directory,
  isUserRemoved,
  keepRecords,
  type Tenant,
  TenantBanned,
  terminationOrdered,
} from "../tenants/index.js";
import type { DialOptions } from "../transport/index.js";
import { CancelOutcomes } from "./cancel-outcomes.js";
import { drainGradually } from "./drain.js";
import type { OwnPorts, StateMessage, ToPrimary, ToWorker } from "./messages.js";
import { CLOSE_TIMEOUT_MS, ModePorts } from "./mode-ports.js";
import { OrderResults } from "./order-results.js";
import { RemoteVerifiers } from "./remote-verifiers.js";
import { TenantTimeouts } from "./tenant-timeouts.js";
import { WorkerAdmissions } from "./worker-admissions.js";
import { WorkerAnswers } from "./worker-answers.js";
import { WorkerPermits } from "./worker-permits.js";

export interface WorkerOptions {
  readonly negotiation: NegotiationRules;
  readonly dialOptions: DialOptions;
  /** How many data planes share the bounds on a tenant's servers. */
  readonly regionDataPlanes: number;
  /** Parts of its cancel keys: 10 bits, the same for all workers of a data plane, and 6 bits. */
  readonly node: number;
  readonly worker: number;
  /** How many there are. */
  readonly workers: number;
  /** Clients between accept and login, in this worker: in all and from one address. */
  readonly mostUnauthenticated: number;
  readonly mostUnauthenticatedPerAddress: number;
  readonly loginTimeoutMs: number;
  readonly drainTimeoutMs: number;
  /** What was slow is traced. */
  readonly slow?: SlowSpans | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly send: (message: ToPrimary) => void;
}

/** So long after nobody answered a member of a cluster is passed over; then a login finds out anew. */
const DOWN_FORGOTTEN_MS = 10_000;
/** With half of it gone all are told that keep a server which has moved, each after its transaction. */
const MOVED_TIMEOUT_MS = 20_000;
const MOVED_INTERVAL_MS = 1000;
const FIGURES_INTERVAL_MS = 1000;
/** Supavisor's, for the same histogram. */
const AGES_INTERVAL_MS = 15_000;
/** Longer than any login takes, with the wait for a server that belongs to it. */
const FORGET_INTERVAL_MS = 20 * 60_000;
/** How long a client may take to read its last message, and to close, before the process ends. */
const LAST_WORDS_MS = 500;
/** So late a timeout may be noticed. */
const TIMEOUTS_INTERVAL_MS = 200;

/** The process that has the clients: sessions and pools. */
export class DataPlaneWorker {
  readonly #options: WorkerOptions;
  readonly #directory = new Directory();
  readonly #verifiers: RemoteVerifiers;
  readonly #sessions = new Set<Session>();
  readonly #timeouts = new TenantTimeouts();
  readonly #cancelKeys: CancelKeys<Session>;
  readonly #pools: Pools;
  readonly #answers: WorkerAnswers;
  readonly #permits: WorkerPermits;
  readonly #admissions: WorkerAdmissions;
  readonly #cancels: CancelOutcomes;
  readonly #orders: OrderResults;
  /** Parts of a state whose last part has not come. */
  #parts: StateMessage[] = [];
  readonly #meters: PoolMeters;
  readonly #logins = new LoginOutcomes();
  readonly #process = new ProcessMeter();
  readonly #around: SessionSurroundings;
  /** Longer than their sessions: a last message is on its way. */
  readonly #sockets = new Set<Socket>();
  readonly #owner: SessionOwner = {
    sessionEnded: (session) => {
      this.#sessions.delete(session);
      if (this.#sessions.size === 0) this.#stopped?.();
    },
    socketClosed: (socket) => this.#sockets.delete(socket),
  };
  readonly #moving = new WeakSet<Session>();
  #movedLook: Timer | undefined;
  #takesClients = false;
  #ports: ModePorts | undefined;
  #stopped: (() => void) | undefined;

  constructor(options: WorkerOptions) {
    const { clock, logger, dialOptions, send } = options;
    this.#options = options;
    this.#meters = new PoolMeters(options.slow);
    this.#cancelKeys = new CancelKeys(options.node, options.worker);
    this.#verifiers = new RemoteVerifiers(send, clock);
    const derivations = new KeyDerivations();
    this.#permits = new WorkerPermits({
      clock,
      ask: (pool, wish) => send({ kind: "permits-asked", pool, wish }),
      giveBack: (pool, count) => send({ kind: "permits-returned", pool, count }),
    });
    this.#pools = new Pools({
      clock,
      logger,
      dialOptions,
      dataPlanes: options.regionDataPlanes,
      meters: this.#meters,
      derivations,
      learnt: (learnt) => send({ kind: "learnt", learnt }),
      crowded: (at) => send({ kind: "room-wanted", round: { at, without: [options.worker] } }),
      permitsFor: (key) => this.#permits.for(key),
      worker: { number: options.worker, of: options.workers },
      moved: () => this.#tellMoved(),
      cancel: (server, upstream, deadline) => sendCancel(server, upstream, dialOptions, deadline),
    });
    this.#answers = new WorkerAnswers(options.worker, this.#sessions, this.#pools);
    this.#admissions = new WorkerAdmissions({ ...options, tenant: (id) => this.#directory.find(id) });
    this.#cancels = new CancelOutcomes(send, clock);
    this.#orders = new OrderResults({
      clientsOf: (tenant) => this.#sessionsOf(tenant).length,
      serversOf: (tenant) => this.#pools.serversOf(tenant.id),
    });
    this.#directory.passOver(
      (tenant) =>
        banInForce(tenant, clock.now()) === undefined && !this.#pools.isDown(tenant.id, DOWN_FORGOTTEN_MS),
    );
    // In front of those who act.
    this.#directory.listen(this.#orders);
    this.#directory.listen(this.#pools);
    this.#directory.listen({
      tenantChanged: (tenant, before) => {
        this.#timeouts.changed(tenant);
        if (before === undefined) return;
        this.#endBanned(tenant);
        for (const session of this.#sessionsOf(tenant)) {
          if (terminationOrdered(tenant, before)) session.terminate();
          else if (isUserRemoved(tenant, before, session.user ?? "")) session.removed();
          else session.follow(tenant);
        }
      },
      tenantRemoved: (tenant) => {
        this.#timeouts.removed(tenant);
        for (const session of this.#sessionsOf(tenant)) session.removed();
      },
    });
    this.#around = {
      directory: this.#directory,
      verifiers: this.#verifiers,
      mocks: new MockVerifiers(),
      derivations,
      pools: this.#pools,
      exchanges: new Exchanges(),
      cancelKeys: this.#cancelKeys,
      routeCancel: (key, origin) => this.#cancels.request(key, origin),
      dialOptions,
      negotiation: options.negotiation,
      admissions: this.#admissions,
      clock,
      logger,
      loginTimeoutMs: options.loginTimeoutMs,
      logins: this.#logins,
      refusals: new SampledLog(logger, "login refused", clock),
    };
  }

  /** Asks for the state; clients may come once the primary says so. */
  start(): void {
    this.#options.send({ kind: "hello" });
  }

  /** @param socket the client's, beside a message that says so; undefined, too, when it has gone on its way here */
  received(message: ToWorker, stop: () => void, socket?: Socket): void {
    switch (message.kind) {
      case "state":
        this.#takeState(message);
        break;
      case "take-clients":
        background(this.#options.logger, "taking clients", this.#takeClients(message.from));
        break;
      case "close-ports":
        background(this.#options.logger, "closing the ports", this.#closePorts());
        break;
      case "client":
        this.#options.send({ kind: "client-taken", number: message.number });
        if (socket !== undefined) this.#accept(socket, message.mode);
        break;
      case "verifier":
        this.#verifiers.answered(message);
        break;
      case "verifier-outdated":
        this.#verifiers.outdated(message.tenant, message.user);
        break;
      case "verdict":
        this.#admissions.settled(message.id, message.tenant, message.verdict, message.room);
        break;
      case "tight":
        this.#admissions.tight(message.tenant, message.countedAs);
        break;
      case "suspected":
        this.#admissions.suspected(message.tenant, message.group, message.remainingMs);
        break;
      case "braked":
        this.#admissions.braked(message.tenant, message.group, message.remainingMs);
        break;
      case "full":
        this.#admissions.full(message.tenant, message.limit);
        break;
      case "cancel": {
        const session = this.#cancelKeys.find({ pid: message.pid, secret: Buffer.from(message.secret) });
        session?.cancel();
        this.#options.send({ kind: "cancel-answered", id: message.id, found: session !== undefined });
        break;
      }
      case "cancel-outcome":
        this.#cancels.told(message.request, message.found);
        break;
      case "learnt":
        // From here on this worker hears of the tenant's changes.
        if (this.#directory.find(message.learnt.tenant) !== undefined) this.#pools.learn(message.learnt);
        break;
      case "permits-granted":
        this.#permits.granted(message.pool, message.count);
        break;
      case "permits-recalled":
        this.#permits.recalled(message.pool, message.count, message.floor);
        break;
      case "make-room": {
        const { at, without } = message.round;
        if (!this.#pools.makeRoom(at))
          this.#options.send({
            kind: "room-wanted",
            round: { at, without: [...without, this.#options.worker] },
          });
        break;
      }
      case "ask": {
        const { id, ask } = message;
        this.#options.send({ kind: "answer", id, answer: this.#answers.to(ask) });
        break;
      }
      // The process has changed its log already.
      case "log-level":
        break;
      case "stop":
        stop();
        break;
      default:
        message satisfies never;
    }
  }

  #takeState(part: StateMessage): void {
    this.#parts.push(part);
    // Before anybody can see a half of it the parts need not be kept.
    if (part.more && this.#takesClients) return;
    const upsert = new Map(this.#parts.flatMap((each) => [...each.upsert]));
    const remove = this.#parts.flatMap((each) => [...each.remove]);
    this.#parts = [];
    const { scope, dataKeys } = part;
    // The primary has verified them; nobody else holds the other end of this channel.
    const verified = upsert as ReadonlyMap<string, Uint8Array> as ReadonlyMap<string, VerifiedBytes>;
    keepRecords(this.#directory, { scope, dataKeys, upsert: verified, remove });
    if (!part.more) this.#acted(part.number);
  }

  #acted(state: number): void {
    this.#options.send({ kind: "acted", state, results: this.#orders.take() });
  }

  async #takeClients(from: OwnPorts | undefined): Promise<void> {
    const { send } = this.#options;
    this.#takesClients = true;
    try {
      if (from !== undefined)
        this.#ports = await ModePorts.open(from, false, (socket, mode) => this.#accept(socket, mode));
    } catch (error) {
      send({ kind: "cannot-listen", reason: messageOf(error) });
      return;
    }
    send({ kind: "taking-clients", ports: this.#ports?.numbers });
    this.#reportFigures();
    this.#tellAges();
    this.#checkTimeouts();
    this.#forgetUnusedTenants();
  }

  async #closePorts(): Promise<void> {
    const { clock, send } = this.#options;
    await this.#ports?.close(Deadline.after(clock, CLOSE_TIMEOUT_MS));
    send({ kind: "ports-closed" });
  }

  /**
   * No client comes any more. Sessions end where it hurts least, told one after the other; at the deadline all do that
   * are left.
   */
  async stop(): Promise<void> {
    const { clock, drainTimeoutMs, logger } = this.#options;
    if (this.#sessions.size > 0) {
      const drained = new Promise<void>((resolve) => {
        this.#stopped = resolve;
      });
      const deadline = Deadline.after(clock, drainTimeoutMs);
      background(logger, "draining", drainGradually(this.#sessions, clock, drainTimeoutMs));
      const timer = deadline.schedule(() => {
        for (const session of [...this.#sessions]) session.terminate();
        this.#stopped?.();
      });
      await drained;
      timer.cancel();
    }
    await this.#lastWords();
    this.#pools.close();
  }

  async #lastWords(): Promise<void> {
    if (this.#sockets.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.schedule(LAST_WORDS_MS, resolve);
      const closed = (): void => {
        if (this.#sockets.size > 0) return;
        timer.cancel();
        resolve();
      };
      for (const socket of this.#sockets) socket.once("close", closed);
    });
  }

  /** Now, whatever runs, as soon as the ban is in force. */
  #endBanned({ id }: Tenant): void {
    const { clock } = this.#options;
    const tenant = this.#directory.find(id);
    if (tenant?.ban === undefined) return;
    const beginsInMs = tenant.ban.atMs - clock.now();
    if (beginsInMs > 0) clock.schedule(beginsInMs, () => this.#endBanned(tenant));
    const ban = banInForce(tenant, clock.now());
    if (ban === undefined) return;
    for (const session of this.#sessionsOf(tenant)) session.end(new TenantBanned(ban.reason));
  }

  #accept(socket: Socket, mode: PoolMode): void {
    // It has come from another process, where this cannot be said.
    socket.allowHalfOpen = true;
    this.#sockets.add(socket);
    const session = new Session(socket, mode, this.#around, this.#owner);
    this.#sessions.add(session);
    session.start();
    // Where it was accepted nothing was to be read of it.
    socket.resume();
  }

  /** Who keeps a server between transactions has to connect again to get one that is where it should be. */
  #tellMoved(): void {
    const { clock, logger } = this.#options;
    const keeping = [...this.#sessions].filter(
      (session) => session.keepsMovedServer && !this.#moving.has(session),
    );
    for (const session of keeping) this.#moving.add(session);
    if (keeping.length > 0)
      background(logger, "moving sessions", drainGradually(new Set(keeping), clock, MOVED_TIMEOUT_MS));
    // What a session did just now may only be found to keep its server a moment later.
    this.#movedLook?.cancel();
    if (this.#pools.anyMoved) this.#movedLook = clock.schedule(MOVED_INTERVAL_MS, () => this.#tellMoved());
  }

  #sessionsOf(tenant: Tenant): readonly Session[] {
    return [...this.#sessions].filter((session) => session.tenant === tenant.id);
  }

  #forgetUnusedTenants(): void {
    this.#directory.forgetUnused((id) => this.#pools.knows(id));
    this.#options.clock.schedule(FORGET_INTERVAL_MS, () => this.#forgetUnusedTenants());
  }

  #checkTimeouts(): void {
    if (this.#timeouts.any) {
      for (const session of [...this.#sessions]) {
        const timeouts = this.#timeouts.of(session.tenant);
        if (timeouts !== undefined) session.checkTimeouts(timeouts);
      }
    }
    this.#options.clock.schedule(TIMEOUTS_INTERVAL_MS, () => this.#checkTimeouts());
  }

  #tellAges(): void {
    for (const session of this.#sessions) {
      session.tellAge();
      session.rest();
    }
    this.#options.clock.schedule(AGES_INTERVAL_MS, () => this.#tellAges());
  }

  #reportFigures(): void {
    this.#pools.measure();
    const { changed, forgotten } = this.#meters.takeChanges(this.#options.clock.monotonic(), (name) =>
      this.#pools.has(name),
    );
    this.#options.send({
      kind: "figures",
      figures: {
        tenants: this.#directory.size,
        clients: this.#sessions.size,
        pools: changed,
        forgottenPools: forgotten,
        logins: this.#logins.takeChanges(),
        process: this.#process.take(),
      },
    });
    this.#options.clock.schedule(FIGURES_INTERVAL_MS, () => this.#reportFigures());
  }
}
