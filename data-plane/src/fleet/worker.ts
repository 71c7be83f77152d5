import type { Socket } from "node:net";
import type { VerifiedBytes } from "@sluice/shared/bundle";
import { messageOf } from "@sluice/shared/errors";
import { background } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import type { PoolMode } from "@sluice/shared/tenant";
import type { Clock } from "@sluice/shared/time";
import { MockVerifiers } from "../auth/index.js";
import { CancelGate, type CancelKey, CancelKeys, type CancelPeers, sendCancel } from "../cancel/index.js";
import { type Listener, listen } from "../listener/index.js";
import { LocalPermits, Pools } from "../pool/index.js";
import {
  type CancelOrigin,
  type NegotiationRules,
  Session,
  type SessionSurroundings,
} from "../session/index.js";
import {
  applyRecords,
  Directory,
  FailureBrake,
  type Tenant,
  terminationOrdered,
  UnauthenticatedClients,
} from "../tenants/index.js";
import type { DialOptions } from "../transport/index.js";
import { CountedClients } from "./counted-clients.js";
import type { ToPrimary, ToWorker } from "./messages.js";
import { RemoteVerifiers } from "./remote-verifiers.js";
import { TenantTimeouts } from "./tenant-timeouts.js";

export interface WorkerOptions {
  readonly host: string;
  readonly transactionPort: number;
  readonly sessionPort: number;
  readonly negotiation: NegotiationRules;
  /** Clients between accept and login, in all and from one address. */
  readonly mostUnauthenticated: number;
  readonly mostUnauthenticatedPerAddress: number;
  readonly dialOptions: DialOptions;
  /** Part of its cancel keys, 10 bits. */
  readonly node: number;
  readonly cancelPeers: CancelPeers | undefined;
  readonly loginTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly send: (message: ToPrimary) => void;
}

const FIGURES_INTERVAL_MS = 1000;
/** So late a timeout may be noticed. */
const TIMEOUTS_INTERVAL_MS = 200;

/** The process that has the clients: listeners, sessions and pools. */
export class DataPlaneWorker {
  readonly #options: WorkerOptions;
  readonly #directory = new Directory();
  readonly #verifiers: RemoteVerifiers;
  readonly #sessions = new Set<Session>();
  readonly #timeouts = new TenantTimeouts();
  readonly #cancelKeys: CancelKeys<Session>;
  readonly #cancelGate: CancelGate;
  readonly #pools: Pools;
  readonly #around: SessionSurroundings;
  #listeners: Listener[] = [];
  #stopped: (() => void) | undefined;

  constructor(options: WorkerOptions) {
    const { clock, logger, dialOptions, send } = options;
    this.#options = options;
    this.#cancelGate = new CancelGate(clock);
    this.#cancelKeys = new CancelKeys(options.node, 0);
    this.#verifiers = new RemoteVerifiers(send, clock);
    this.#pools = new Pools({
      clock,
      logger,
      dialOptions,
      permitsFor: (_, limit) => new LocalPermits(limit),
      cancel: (server, upstream, deadline) => sendCancel(server, upstream, dialOptions, deadline),
    });
    this.#directory.listen(this.#pools);
    this.#directory.listen({
      tenantChanged: (tenant, before) => {
        this.#timeouts.changed(tenant);
        if (!terminationOrdered(tenant, before)) return;
        for (const session of this.#sessionsOf(tenant)) session.terminate();
      },
      tenantRemoved: (tenant) => {
        this.#timeouts.removed(tenant);
        for (const session of this.#sessionsOf(tenant)) session.tenantRemoved();
      },
    });
    this.#around = {
      directory: this.#directory,
      verifiers: this.#verifiers,
      mocks: new MockVerifiers(),
      pools: this.#pools,
      cancelKeys: this.#cancelKeys,
      routeCancel: (key, origin) => this.#cancel(key, origin),
      dialOptions,
      negotiation: options.negotiation,
      unauthenticated: new UnauthenticatedClients(
        options.mostUnauthenticated,
        options.mostUnauthenticatedPerAddress,
      ),
      brake: new FailureBrake(clock),
      clock,
      logger,
      loginTimeoutMs: options.loginTimeoutMs,
      clientCount: new CountedClients(),
    };
  }

  async start(): Promise<void> {
    const { host, transactionPort, sessionPort, send } = this.#options;
    send({ kind: "hello" });
    try {
      const transaction = await listen(host, transactionPort, (socket) =>
        this.#accept(socket, "transaction"),
      );
      const session = await listen(host, sessionPort, (socket) => this.#accept(socket, "session"));
      this.#listeners = [transaction, session];
      send({ kind: "listening", ports: { transaction: transaction.port, session: session.port } });
    } catch (error) {
      send({ kind: "cannot-listen", reason: messageOf(error) });
      return;
    }
    this.#reportFigures();
    this.#checkTimeouts();
  }

  received(message: ToWorker, stop: () => void): void {
    switch (message.kind) {
      case "state":
        applyRecords(this.#directory, {
          ...message,
          // The primary has verified them; nobody else holds the other end of this channel.
          upsert: message.upsert as ReadonlyMap<string, VerifiedBytes>,
        });
        break;
      case "verifier":
        this.#verifiers.answered(message);
        break;
      case "stop":
        stop();
        break;
    }
  }

  /** Sessions end at the end of their transaction; at the deadline they all do. */
  async stop(): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    const drained = new Promise<void>((resolve) => {
      this.#stopped = resolve;
    });
    for (const session of [...this.#sessions]) session.drain();
    if (this.#sessions.size > 0) {
      const timer = this.#options.clock.schedule(this.#options.drainTimeoutMs, () => {
        for (const session of [...this.#sessions]) session.end(undefined);
        this.#stopped?.();
      });
      await drained;
      timer.cancel();
    }
    this.#pools.close();
  }

  #accept(socket: Socket, mode: PoolMode): void {
    const session = new Session(socket, mode, this.#around, () => {
      this.#sessions.delete(session);
      if (this.#sessions.size === 0) this.#stopped?.();
    });
    this.#sessions.add(session);
    session.start();
  }

  /** By key: a session here, or on another data plane, one hop away. */
  #cancel(key: CancelKey, { address, passedOn }: CancelOrigin): void {
    const { cancelPeers, logger } = this.#options;
    const fromPeer = passedOn && cancelPeers?.knows(address.ip) === true;
    if (!fromPeer && !this.#cancelGate.admits(address)) return;
    const session = this.#cancelKeys.find(key);
    if (session !== undefined) {
      session.cancel();
      return;
    }
    // A key of another node is not a guess; whose it is, only that node knows.
    if (!fromPeer && this.#cancelKeys.ofThisNode(key)) this.#cancelGate.wrongKey(address);
    if (!passedOn && cancelPeers !== undefined) background(logger, "cancel", cancelPeers.forward(key));
  }

  #sessionsOf(tenant: Tenant): readonly Session[] {
    return [...this.#sessions].filter((session) => session.tenant === tenant.id);
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

  #reportFigures(): void {
    const sum = { servers: 0, idleServers: 0, pinnedServers: 0, waitingClients: 0 };
    for (const { figures } of this.#pools.figures()) {
      sum.servers += figures.open;
      sum.idleServers += figures.idle;
      sum.pinnedServers += figures.pinned;
      sum.waitingClients += figures.waiting;
    }
    this.#options.send({
      kind: "figures",
      figures: { ...sum, clients: this.#sessions.size, tenants: this.#directory.size },
    });
    this.#options.clock.schedule(FIGURES_INTERVAL_MS, () => this.#reportFigures());
  }
}
