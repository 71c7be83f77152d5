import type { Socket } from "node:net";
import { SluiceError } from "@sluice/shared/errors";
import { background } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import { type PoolMode, USER_DEFAULTS } from "@sluice/shared/tenant";
import { type Clock, Deadline, type Timer } from "@sluice/shared/time";
import type { MockVerifiers } from "../auth/index.js";
import type { CancelKey, CancelKeys } from "../cancel/index.js";
import type { Lease, Pool, Pools } from "../pool/index.js";
import { Relay, settle, type Timeouts } from "../relay/index.js";
import { type ServerCredentials, SessionSettings } from "../server/index.js";
import {
  type Arrival,
  admit,
  clientLimitOf,
  type Directory,
  type FailureBrake,
  type Identity,
  identify,
  type Tenant,
  TooManyClients,
  TooManySessionClients,
  type UnauthenticatedClients,
} from "../tenants/index.js";
import { type DialOptions, HandshakeFailed } from "../transport/index.js";
import type { Verifiers } from "../verifiers/index.js";
import {
  BadStartupMessage,
  backendKeyData,
  errorResponseOf,
  PROTOCOL_3_2,
  parameterStatus,
  READY_IDLE,
} from "../wire/index.js";
import { authenticate } from "./authentication.js";
import { ClientGone } from "./client-input.js";
import { greetingParameters } from "./greeting.js";
import { type CancelOrigin, type NegotiationRules, negotiate, type Startup } from "./negotiation.js";
import { LoginTimeout, ReplicationNotSupported, Terminated } from "./session-failure.js";

export interface SessionSurroundings {
  readonly directory: Directory;
  readonly verifiers: Verifiers;
  readonly mocks: MockVerifiers;
  readonly pools: Pools;
  readonly cancelKeys: CancelKeys<Session>;
  /** Passes a cancel request to wherever its session is. */
  readonly routeCancel: (key: CancelKey, origin: CancelOrigin) => void;
  readonly dialOptions: DialOptions;
  readonly negotiation: NegotiationRules;
  readonly unauthenticated: UnauthenticatedClients;
  readonly brake: FailureBrake;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly loginTimeoutMs: number;
  readonly clientCount: ClientCount;
}

/** Clients that have logged in, by tenant and whose limit they fall under: their user's own, or the tenant's. */
export interface ClientCount {
  of(tenant: string, user: string | undefined): number;
  add(tenant: string, user: string | undefined): void;
  remove(tenant: string, user: string | undefined): void;
}

/** How long a client may take to read its last message. */
const LINGER_MS = 5000;
/** How long a session may go on after its tenant was removed. */
const REMOVED_GRACE_MS = 30_000;
const SETTLE_TIMEOUT_MS = 5000;

/** One client, from its first byte to its last. */
export class Session {
  readonly #around: SessionSurroundings;
  readonly #mode: PoolMode;
  #socket: Socket;
  #relay: Relay | undefined;
  #identity: Identity | undefined;
  #counted: (() => void) | undefined;
  #arrival: Arrival | undefined;
  /** In a TLS handshake, where no text can be sent. */
  #shaking = false;
  #cancelKey: CancelKey | undefined;
  #pool: Pool | undefined;
  #draining = false;
  #ended = false;
  /** Timers hold a session in memory: they end with its socket. */
  #loginTimer: Timer | undefined;
  #lingering: Timer | undefined;
  readonly #onEnd: () => void;

  constructor(socket: Socket, mode: PoolMode, around: SessionSurroundings, onEnd: () => void) {
    this.#socket = socket;
    this.#mode = mode;
    this.#around = around;
    this.#onEnd = onEnd;
    socket.on("error", () => undefined);
    socket.on("close", () => this.#closed());
  }

  get tenant(): string | undefined {
    return this.#identity?.tenant.id;
  }

  start(): void {
    background(this.#around.logger, "session", this.#logIn());
  }

  checkTimeouts(timeouts: Timeouts): void {
    this.#relay?.checkTimeouts(timeouts);
  }

  /** A cancel request with this session's key. */
  cancel(): void {
    this.#relay?.cancel();
  }

  /** Ends after the transaction that is open, if any. */
  drain(): void {
    this.#draining = true;
    if (this.#relay !== undefined) this.#relay.drain(new Terminated());
    else if (this.#identity === undefined) this.#socket.destroy();
  }

  /** Its tenant is gone: after the transaction, at most 30 s. */
  tenantRemoved(): void {
    this.drain();
    this.#around.clock.schedule(REMOVED_GRACE_MS, () => this.end(new Terminated()));
  }

  /** An operator has ordered it: now, whatever runs. */
  terminate(): void {
    this.end(new Terminated());
  }

  /** Ends now; what runs is cancelled by the pool's clean-up. */
  end(error: SluiceError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#shaking) this.#socket.destroy();
    else if (error !== undefined && this.#socket.writable) this.#socket.end(errorResponseOf("FATAL", error));
    else this.#socket.end();
    this.#relay?.clientClosed();
    // A client that does not read its last message is not waited for.
    this.#lingering = this.#around.clock.schedule(LINGER_MS, () => this.#socket.destroy());
    this.#leave();
  }

  async #logIn(): Promise<void> {
    const { clock, logger, loginTimeoutMs } = this.#around;
    let loggingIn = true;
    let peer = this.#socket.remoteAddress;
    let identity: Identity | undefined;
    this.#loginTimer = clock.schedule(loginTimeoutMs, () => {
      if (loggingIn) this.end(new LoginTimeout());
    });
    try {
      this.#arrival = this.#around.unauthenticated.arrive();
      const negotiated = await negotiate(this.#socket, this.#around.negotiation, {
        address: ({ ip, group }) => {
          peer = ip;
          this.#arrival?.from(group);
        },
        handshakeBegins: () => {
          this.#shaking = true;
        },
        handshakeDone: ({ socket }) => {
          this.#shaking = false;
          this.#socket = socket;
          socket.on("error", () => undefined);
          socket.on("close", () => this.#closed());
        },
      });
      if (negotiated.kind === "cancel") {
        this.#around.routeCancel(negotiated.key, negotiated.origin);
        this.end(undefined);
        return;
      }
      if (negotiated.kind === "done") return;
      identity = this.#admitted(negotiated);
      const credentials = await authenticate(negotiated, identity, this.#around);
      loggingIn = false;
      this.#loginTimer.cancel();
      if (this.#ended) return;
      this.#identity = identity;
      this.#takeSlot(identity);
      this.#arrival.end();
      await this.#greet(negotiated, identity, credentials);
    } catch (error) {
      if (error instanceof ClientGone || this.#ended) {
        this.#socket.destroy();
        this.#leave();
        return;
      }
      const failure = SluiceError.from(error);
      const level = failure.kind === "internal" ? "error" : "info";
      logger[level]("login refused", {
        peer,
        mode: this.#mode,
        tenant: identity?.tenant.id,
        error: failure,
      });
      if (failure instanceof HandshakeFailed) this.#socket.destroy();
      this.end(failure);
    }
  }

  /** Who it is, and that they may try to log in. */
  #admitted({ parameters, address, secured }: Startup): Identity {
    if (isReplication(parameters.get("replication"))) throw new ReplicationNotSupported();
    if (!parameters.get("user")) throw new BadStartupMessage("no user name");
    const { directory, brake, negotiation, clock } = this.#around;
    const identity = identify(parameters, secured?.serverName, directory);
    const connection = { address, encrypted: secured !== undefined, certifiedName: secured?.certifiedName };
    admit(identity, connection, negotiation.tls?.rule ?? "none", brake, clock.now());
    this.#checkTenantFull(identity.tenant);
    return identity;
  }

  async #greet(startup: Startup, identity: Identity, credentials: ServerCredentials): Promise<void> {
    const settings = SessionSettings.of(identity.settings);
    const pool = this.#poolFor(identity, credentials);
    pool.clients += 1;
    this.#pool = pool;
    const checkoutTimeoutMs = checkoutTimeoutOf(identity.tenant, identity.user);
    let kept: Lease | undefined;
    let parameters: ReadonlyMap<string, string>;
    if (this.#mode === "session") {
      kept = await pool.checkout(checkoutTimeoutMs);
      parameters = await this.#settled(kept, settings);
    } else {
      parameters = await greetingParameters(pool, settings, checkoutTimeoutMs, (lease) =>
        this.#settled(lease, settings),
      );
    }
    if (this.#ended || this.#draining) {
      kept?.release({ owed: 0, halfSent: false });
      this.end(new Terminated());
      return;
    }
    const secretBytes = startup.version >= PROTOCOL_3_2 ? 32 : 4;
    this.#cancelKey = this.#around.cancelKeys.issue(this, secretBytes);
    const relay = this.#startRelay(identity, credentials, settings, checkoutTimeoutMs);
    if (kept !== undefined) relay.keep(kept);
    this.#socket.write(
      Buffer.concat([
        ...[...parameters].map(([name, value]) => parameterStatus(name, value)),
        backendKeyData(this.#cancelKey.pid, this.#cancelKey.secret),
        READY_IDLE,
      ]),
    );
    const heartbeatMs = identity.tenant.clientHeartbeatIntervalS * 1000;
    if (heartbeatMs > 0) this.#socket.setKeepAlive(true, heartbeatMs);
    const early = startup.input.release();
    const socket = this.#socket;
    socket.on("data", (segment: Buffer) => relay.clientData(segment));
    socket.on("drain", () => relay.clientDrain());
    socket.on("end", () => relay.clientEnd());
    if (early.length > 0) relay.clientData(early);
  }

  #startRelay(
    identity: Identity,
    credentials: ServerCredentials,
    settings: SessionSettings,
    checkoutTimeoutMs: number,
  ): Relay {
    const { clock, logger } = this.#around;
    const relay = new Relay({
      client: this.#socket,
      settings,
      checkoutTimeoutMs,
      clock,
      logger,
      pool: () => {
        const pool = this.#pool;
        if (pool !== undefined && !pool.retired) return pool;
        const tenant = this.#around.directory.find(identity.tenant.id);
        if (tenant === undefined) throw new Terminated();
        if (pool !== undefined) pool.clients -= 1;
        const next = this.#poolFor({ ...identity, tenant }, credentials);
        next.clients += 1;
        this.#pool = next;
        return next;
      },
      end: (error) => this.end(error),
    });
    this.#relay = relay;
    return relay;
  }

  async #settled(lease: Lease, settings: SessionSettings): Promise<ReadonlyMap<string, string>> {
    try {
      await settle(lease.server, settings, Deadline.after(this.#around.clock, SETTLE_TIMEOUT_MS));
      return new Map(lease.server.parameters);
    } catch (error) {
      lease.release({ owed: 0, halfSent: true });
      throw error;
    }
  }

  #poolFor(identity: Identity, credentials: ServerCredentials): Pool {
    const { tenant, database, user } = identity;
    return this.#around.pools.for(
      { tenant: tenant.id, database, user, mode: this.#mode },
      tenant,
      credentials,
    );
  }

  /**
   * Before authentication, so that a storm on a full tenant costs nothing. It looks at the tenant alone: a user's own
   * limit would tell a stranger that the user exists.
   */
  #checkTenantFull(tenant: Tenant): void {
    const { clientCount } = this.#around;
    let here = clientCount.of(tenant.id, undefined);
    let limit = tenant.defaultMaxClients;
    for (const { name, maxClients } of tenant.users.values()) {
      if (maxClients === undefined) continue;
      here += clientCount.of(tenant.id, name);
      limit += maxClients;
    }
    if (here >= limit) throw this.#tooMany(limit);
  }

  /** Checked and taken in one turn of the event loop. */
  #takeSlot(identity: Identity): void {
    const { clientCount } = this.#around;
    const { id } = identity.tenant;
    const { user, limit } = clientLimitOf(identity.tenant, identity.user);
    if (clientCount.of(id, user) >= limit) throw this.#tooMany(limit);
    clientCount.add(id, user);
    this.#counted = () => clientCount.remove(id, user);
  }

  #tooMany(limit: number): SluiceError {
    return this.#mode === "session" ? new TooManySessionClients(limit) : new TooManyClients(limit);
  }

  #closed(): void {
    this.#relay?.clientClosed();
    this.#ended = true;
    this.#lingering?.cancel();
    this.#leave();
  }

  #leave(): void {
    this.#counted?.();
    this.#counted = undefined;
    this.#arrival?.end();
    this.#loginTimer?.cancel();
    if (this.#pool !== undefined) {
      this.#pool.clients -= 1;
      this.#pool = undefined;
    }
    if (this.#cancelKey !== undefined) {
      this.#around.cancelKeys.revoke(this.#cancelKey);
      this.#cancelKey = undefined;
    }
    this.#onEnd();
  }
}

function checkoutTimeoutOf(tenant: Tenant, user: string): number {
  const row = tenant.users.get(user) ?? tenant.manager;
  return row?.checkoutTimeoutMs ?? USER_DEFAULTS.poolCheckoutTimeoutMs;
}

function isReplication(value: string | undefined): boolean {
  return value !== undefined && !["false", "off", "no", "0"].includes(value.toLowerCase());
}
