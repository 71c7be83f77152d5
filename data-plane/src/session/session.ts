import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { SluiceError } from "@sluice/shared/errors";
import { background } from "@sluice/shared/lifecycle";
import type { Logger, SampledLog } from "@sluice/shared/observability";
import type { PoolMode } from "@sluice/shared/tenant";
import { type Clock, Deadline, type Timer } from "@sluice/shared/time";
import type { KeyDerivations, MockVerifiers } from "../auth/index.js";
import { type CancelKey, type CancelKeys, KEY_FOUND, KEY_UNKNOWN } from "../cancel/index.js";
import type { LoginOutcomes } from "../metrics/index.js";
import type { Lease, Pool, Pools } from "../pool/index.js";
import {
  type Exchanges,
  type Naming,
  Relay,
  type RelayHost,
  settle,
  sharedStatementsOf,
  type Timeouts,
} from "../relay/index.js";
import { configuredCredentials, type ServerCredentials, SessionSettings } from "../server/index.js";
import {
  type Arrival,
  admit,
  banInForce,
  type Directory,
  type Identity,
  identify,
  isUserRemoved,
  type Tenant,
  TenantBanned,
} from "../tenants/index.js";
import { type DialOptions, type DirectSocket, HandshakeFailed } from "../transport/index.js";
import type { Verifiers } from "../verifiers/index.js";
import {
  BadStartupMessage,
  backendKeyData,
  errorResponseOf,
  PROTOCOL_3_2,
  protocol2Error,
  READY_IDLE,
  UnsupportedProtocol,
} from "../wire/index.js";
import type { Admissions } from "./admissions.js";
import { applicationNameWithHost } from "./application-name.js";
import { authenticate, tooManyClients } from "./authentication.js";
import { ClientGone } from "./client-input.js";
import { type Greeting, greetingBytes, greetingFor } from "./greeting.js";
import { type CancelOrigin, type NegotiationRules, negotiate, type Startup } from "./negotiation.js";
import { Passage } from "./passage.js";
import { asksForReplication } from "./replication.js";
import { LoginTimeout, ReplicationInTransactionMode, ShuttingDown, Terminated } from "./session-failure.js";

export interface SessionSurroundings {
  readonly directory: Directory;
  readonly verifiers: Verifiers;
  readonly mocks: MockVerifiers;
  readonly derivations: KeyDerivations;
  readonly pools: Pools;
  readonly exchanges: Exchanges;
  readonly cancelKeys: CancelKeys<Session>;
  /** Passes a cancel request to wherever its session is. Resolves for a peer that is to be told whether it is here. */
  readonly routeCancel: (key: CancelKey, origin: CancelOrigin) => Promise<boolean | undefined>;
  readonly dialOptions: DialOptions;
  readonly negotiation: NegotiationRules;
  readonly admissions: Admissions;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly loginTimeoutMs: number;
  readonly logins: LoginOutcomes;
  readonly refusals: SampledLog;
}

/** Told once or more. */
export interface SessionOwner {
  sessionEnded(session: Session): void;
  /** The one that was accepted: its last message may be on its way for longer than there is a session. */
  socketClosed(socket: Socket): void;
}

/** How long a client may take to read its last message. */
const LINGER_MS = 5000;
/** How long a session may go on after its tenant was removed. */
const REMOVED_GRACE_MS = 30_000;
const SETTLE_TIMEOUT_MS = 5000;
/** While a data plane drains: how long a client that is not logged in yet is waited for. */
const LOGIN_PATIENCE_MS = 2000;
/** Linux' own, for those whose tenant wants no heartbeat any more. */
const SYSTEM_KEEPALIVE_S = 7200;
/** Servers that die one after the other are the database's end. */
const MOST_ATTEMPTS = 3;

let lastNumber = 0;

/** One client, from its first byte to its last. */
export class Session implements RelayHost {
  readonly #around: SessionSurroundings;
  readonly #mode: PoolMode;
  readonly #acceptedAtMs: number;
  /** In this worker. */
  readonly number: number;
  /** The client's address, as far as it is known. */
  #peer = "";
  #socket: Socket;
  #relay: Relay | undefined;
  /** Instead of a relay, for replication. */
  #passage: Passage | undefined;
  /** While it waits for a server to be greeted with. */
  #leaveQueue: ((error: SluiceError) => boolean) | undefined;
  #identity: Identity | undefined;
  /** Of its login: what a pool that is made later logs in with. */
  #credentials: ServerCredentials | undefined;
  /** The tenant among whose clients it has a place, and whose limit it counts under. */
  #countedIn: string | undefined;
  #countedAs: string | undefined;
  #arrival: Arrival | undefined;
  /** Its startup packet has come: now it understands an error. */
  #startedUp = false;
  /** In a TLS handshake, where no text can be sent. */
  #shaking = false;
  /** What its cancel key is found by. */
  #cancelNumber: number | undefined;
  #pool: Pool | undefined;
  #draining = false;
  /** Undefined: the client is not logged in, and its login ends in time. */
  #heartbeatS: number | undefined;
  #ended = false;
  /** Timers hold a session in memory: they end with its socket. */
  #loginTimer: Timer | undefined;
  #lingering: Timer | undefined;
  readonly #owner: SessionOwner;

  constructor(socket: Socket, mode: PoolMode, around: SessionSurroundings, owner: SessionOwner) {
    this.#socket = socket;
    this.#mode = mode;
    this.#around = around;
    this.#acceptedAtMs = around.clock.monotonic();
    lastNumber += 1;
    this.number = lastNumber;
    this.#owner = owner;
    socket.on("error", ignored);
    // One listener: with several there is an array of them for each client.
    socket.on("close", () => {
      this.#closed();
      owner.socketClosed(socket);
    });
  }

  /** For whoever runs this data plane. */
  get described() {
    const { clock } = this.#around;
    const identity = this.#identity;
    return {
      tenant: identity?.tenant.id ?? "",
      user: identity?.user ?? "",
      database: identity?.database ?? "",
      mode: this.#mode,
      state: this.#relay?.state ?? ("login" as const),
      address: this.#peer,
      port: this.#socket.remotePort ?? 0,
      tls: this.#socket instanceof TLSSocket ? (this.#socket.getProtocol() ?? "") : "",
      applicationName: identity?.settings.get("application_name") ?? "",
      connectedForMs: clock.monotonic() - this.#acceptedAtMs,
      waitedMs: this.#relay?.waitedMs ?? 0,
      serverPid: this.#relay?.serverPid,
    };
  }

  /** From time to time: what its client's requests have left in shared memory is held for itself, once it is quiet. */
  rest(): void {
    this.#relay?.rest();
  }

  /** To the figures of its pool. */
  tellAge(): void {
    this.#pool?.meter.aged(this.#around.clock.monotonic() - this.#acceptedAtMs);
  }

  get tenant(): string | undefined {
    return this.#identity?.tenant.id;
  }

  get user(): string | undefined {
    return this.#identity?.user;
  }

  start(): void {
    background(this.#around.logger, "session", this.#logIn());
  }

  checkTimeouts(timeouts: Timeouts): void {
    this.#relay?.checkTimeouts(timeouts);
  }

  /** A cancel request with this session's key. */
  cancel(): void {
    (this.#relay ?? this.#passage)?.cancel();
  }

  /** Ms since anything went either way, outside a transaction; 0 while there is something to wait for. */
  get quietForMs(): number {
    if (this.#relay !== undefined) return this.#relay.quietForMs;
    if (this.#passage !== undefined) return Number.POSITIVE_INFINITY;
    const forMs = this.#around.clock.monotonic() - this.#acceptedAtMs;
    return forMs < LOGIN_PATIENCE_MS ? 0 : forMs;
  }

  /** Its server is where none is to be any more, and it would keep it. */
  get keepsMovedServer(): boolean {
    return this.#relay?.keepsMovedServer ?? false;
  }

  /** Its tenant is another one now: what holds for clients that are there. */
  follow({ clientHeartbeatIntervalS }: Tenant): void {
    if (this.#relay !== undefined || this.#passage !== undefined) this.#beat(clientHeartbeatIntervalS);
  }

  #beat(intervalS: number): void {
    if (intervalS === this.#heartbeatS) return;
    this.#heartbeatS = intervalS;
    this.#socket.setKeepAlive(true, (intervalS || SYSTEM_KEEPALIVE_S) * 1000);
  }

  /** Ends after the transaction that is open, if any; a login ends where its client can be told. */
  drain(): void {
    this.#draining = true;
    if (this.#relay !== undefined) this.#relay.drain(new Terminated());
    else if (this.#passage !== undefined) this.#passage.drain(new Terminated());
    else if (this.#identity === undefined) this.#endLogin();
  }

  /** What is in the middle of its handshake is told behind its startup packet, if that comes soon. */
  #endLogin(): void {
    if (this.#ended) return;
    if (this.#startedUp) this.#refuse(new ShuttingDown(), undefined);
    else
      this.#around.clock.schedule(LOGIN_PATIENCE_MS, () => {
        if (!this.#startedUp) this.#socket.destroy();
      });
  }

  /** Its tenant is gone, or its user is: after the transaction, at most 30 s. */
  removed(): void {
    this.drain();
    this.#around.clock.schedule(REMOVED_GRACE_MS, () => this.end(new Terminated()));
  }

  /** An operator has ordered it: now, whatever runs. */
  terminate(): void {
    this.end(this.#identity === undefined ? new ShuttingDown() : new Terminated());
  }

  /** Ends now; what runs is cancelled by the pool's clean-up. */
  end(error: SluiceError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#shaking) this.#socket.destroy();
    else if (error === undefined && this.#clientHasLeft) this.#close();
    else if ((this.#relay ?? this.#passage)?.insideMessage === true) this.#socket.end();
    else if (error !== undefined && this.#socket.writable) this.#socket.end(lastWords(error));
    else this.#socket.end();
    this.#relay?.clientClosed();
    this.#passage?.close();
    // A client that does not read its last message is not waited for.
    if (!this.#socket.destroyed)
      this.#lingering = this.#around.clock.schedule(LINGER_MS, () => this.#socket.destroy());
    this.#leave();
  }

  /** It has said so, and has been sent all that there was: its side of the connection is not waited for. */
  get #clientHasLeft(): boolean {
    return this.#relay?.clientHasLeft === true;
  }

  #close(): void {
    // TLS has a last word.
    if (this.#socket instanceof TLSSocket) this.#socket.destroySoon();
    else this.#socket.destroy();
  }

  async #logIn(): Promise<void> {
    const { clock, loginTimeoutMs } = this.#around;
    let loggingIn = true;
    this.#peer = this.#socket.remoteAddress ?? "";
    let identity: Identity | undefined;
    this.#loginTimer = clock.schedule(loginTimeoutMs, () => {
      if (loggingIn) this.#refuse(new LoginTimeout(), identity);
    });
    try {
      this.#arrival = this.#around.admissions.arrive();
      const negotiated = await negotiate(this.#socket, this.#around.negotiation, {
        address: ({ ip, group }) => {
          this.#peer = ip;
          this.#arrival?.from(group);
        },
        handshakeBegins: () => {
          this.#shaking = true;
        },
        handshakeDone: ({ socket }) => {
          this.#shaking = false;
          this.#socket = socket;
          socket.on("error", ignored);
          socket.on("close", () => this.#closed());
        },
      });
      if (negotiated.kind === "cancel") {
        const found = await this.#around.routeCancel(negotiated.key, negotiated.origin);
        if (found !== undefined) this.#socket.write(found ? KEY_FOUND : KEY_UNKNOWN);
        this.end(undefined);
        return;
      }
      if (negotiated.kind === "done") {
        this.end(undefined);
        return;
      }
      this.#startedUp = true;
      if (this.#draining) throw new ShuttingDown();
      identity = this.#identified(negotiated);
      this.#admit(negotiated, identity);
      const client = negotiated.input.direct();
      const { credentials, countedAs } = await authenticate(
        negotiated,
        client,
        identity,
        this.#mode,
        this.#around,
      );
      loggingIn = false;
      this.#loginTimer.cancel();
      this.#loginTimer = undefined;
      this.#countedIn = identity.tenant.id;
      this.#countedAs = countedAs;
      if (this.#ended) {
        this.#leave();
        return;
      }
      const before = identity;
      identity = this.#stillAdmitted(before);
      this.#identity = identity;
      this.#arrival.end();
      this.#arrival = undefined;
      const keys = followed(credentials, before, identity, this.#around.derivations);
      if (asksForReplication(negotiated.parameters.get("replication")))
        await this.#passThrough(negotiated, client, identity, keys);
      else await this.#greet(negotiated, client, identity, keys);
    } catch (error) {
      if (error instanceof ClientGone || this.#ended) {
        this.#socket.destroy();
        this.#leave();
        return;
      }
      this.#refuse(SluiceError.from(error), identity);
    }
  }

  /** Strangers cause these log lines, so they are sampled: by reason, and by tenant where there is one. */
  #refuse(failure: SluiceError, identity: Identity | undefined): void {
    const tenant = identity?.tenant.id;
    this.#around.logins.count(tenant, failure.code);
    this.#around.refusals.write(
      failure.kind === "internal" ? "error" : "info",
      tenant === undefined ? failure.code : `${failure.code} ${tenant}`,
      {
        session: this.number,
        peer: this.#peer,
        mode: this.#mode,
        tenant,
        user: identity?.user,
        error: failure,
      },
    );
    if (failure instanceof HandshakeFailed) this.#socket.destroy();
    this.end(failure);
  }

  #identified({ parameters, secured }: Startup): Identity {
    if (asksForReplication(parameters.get("replication")) && this.#mode === "transaction")
      throw new ReplicationInTransactionMode();
    if (!parameters.get("user")) throw new BadStartupMessage("no user name");
    return identify(parameters, secured?.serverName, this.#around.directory);
  }

  /** Whether they may try to log in. */
  #admit({ address, secured }: Startup, identity: Identity): void {
    const { admissions, negotiation, clock } = this.#around;
    const connection = { address, encrypted: secured !== undefined, certified: secured?.certified };
    admit(identity, connection, negotiation.tls?.rule ?? "none", admissions, clock.now());
    // Before authentication, so that a storm on a full tenant costs nothing.
    const limit = admissions.fullAt(identity.tenant.id);
    if (limit !== undefined) throw tooManyClients(limit, this.#mode);
  }

  /** The tenant may have changed while the client proved who it is: from here on its changes are heard. */
  #stillAdmitted(identity: Identity): Identity {
    const { directory, clock } = this.#around;
    const tenant = directory.find(identity.tenant.id);
    if (tenant === undefined || isUserRemoved(tenant, identity.tenant, identity.user)) throw new Terminated();
    const ban = banInForce(tenant, clock.now());
    if (ban !== undefined) throw new TenantBanned(ban.reason);
    return { ...identity, tenant };
  }

  async #greet(
    startup: Startup,
    client: DirectSocket,
    identity: Identity,
    credentials: ServerCredentials,
  ): Promise<void> {
    const settings = SessionSettings.of(settingsOf(identity, startup));
    // The same for all clients that came with the same ones.
    this.#identity = { ...identity, settings: settings.values };
    this.#credentials = credentials;
    const pool = this.#poolFor(identity, credentials);
    pool.clients += 1;
    this.#pool = pool;
    let kept: Lease | undefined;
    let greeting: Greeting;
    if (this.#mode === "session") {
      kept = await this.#checkOut(pool, settings);
      greeting = { parameters: new Map(kept.server.parameters) };
    } else {
      greeting = await greetingFor(pool, settings, identity.tenant.defaultParameterStatus, () =>
        this.#checkOut(pool, settings),
      );
    }
    if (this.#ended || this.#draining) {
      kept?.release({ owed: 0, halfSent: false });
      this.end(new Terminated());
      return;
    }
    const relay = this.#startRelay(client, pool, identity, settings);
    if (kept !== undefined) relay.keep(kept);
    this.#sayReady(startup, greeting);
    this.#around.logins.count(identity.tenant.id, "ok");
    pool.meter.loggedIn(this.#around.clock.monotonic() - this.#acceptedAtMs);
    this.#beat(identity.tenant.clientHeartbeatIntervalS);
    this.#listenFor(startup, client, relay);
  }

  /** Replication: a server of its own, and whatever the two say to each other. */
  async #passThrough(
    startup: Startup,
    client: DirectSocket,
    identity: Identity,
    credentials: ServerCredentials,
  ): Promise<void> {
    const { tenant, user, database } = identity;
    const parameters = new Map(settingsOf(identity, startup));
    parameters.set("replication", startup.parameters.get("replication") ?? "");
    const opened = await this.#around.pools.openAlone(tenant, user, credentials, { database, parameters });
    const { server, cancel } = opened;
    server.whenGone(opened.free);
    if (this.#ended || this.#draining) {
      server.close();
      this.end(new Terminated());
      return;
    }
    const { clock, logger } = this.#around;
    const passage = new Passage({ client, server, cancel, clock, logger, end: (error) => this.end(error) });
    this.#passage = passage;
    this.#sayReady(startup, { parameters: new Map(server.parameters) });
    this.#around.logins.count(tenant.id, "ok");
    this.#beat(tenant.clientHeartbeatIntervalS);
    this.#listenFor(startup, client, passage);
  }

  /** The last messages of the login. */
  #sayReady(startup: Startup, greeting: Greeting): void {
    const secretBytes = startup.version >= PROTOCOL_3_2 ? 32 : 4;
    const { number, pid, secret } = this.#around.cancelKeys.issue(this, secretBytes);
    this.#cancelNumber = number;
    this.#socket.write(Buffer.concat([...greetingBytes(greeting), backendKeyData(pid, secret), READY_IDLE]));
  }

  #listenFor(startup: Startup, client: DirectSocket, reader: Relay | Passage): void {
    const early = startup.input.release();
    const socket = this.#socket;
    client.begin(reader);
    socket.on("end", () => reader.clientEnd());
    if (early.length > 0) reader.received(early);
    // It said no more while its server was prepared: nobody will say so again.
    if (socket.readableEnded) reader.clientEnd();
  }

  #startRelay(client: DirectSocket, pool: Pool, { tenant }: Identity, settings: SessionSettings): Relay {
    const { clock, exchanges, logger } = this.#around;
    const relay = new Relay({
      client,
      settings,
      naming: this.#namingFor(tenant),
      shared: sharedStatementsOf(pool),
      exchanges,
      meter: pool.meter,
      clock,
      logger,
      host: this,
    });
    this.#relay = relay;
    return relay;
  }

  currentPool(): Pool {
    const pool = this.#pool;
    if (pool !== undefined && !pool.retired) return pool;
    const [identity, credentials] = [this.#identity, this.#credentials];
    const tenant = identity === undefined ? undefined : this.#around.directory.find(identity.tenant.id);
    if (identity === undefined || credentials === undefined || tenant === undefined) throw new Terminated();
    const now = { ...identity, tenant };
    const next = this.#poolFor(now, followed(credentials, identity, now, this.#around.derivations));
    if (pool !== undefined) pool.clients -= 1;
    next.clients += 1;
    this.#pool = next;
    return next;
  }

  /** A server with the client's settings. One that dies before it has them is replaced. */
  async #checkOut(pool: Pool, settings: SessionSettings): Promise<Lease> {
    for (let attempt = 1; ; attempt++) {
      const lease = await this.#waitFor(pool);
      try {
        await settle(lease.server, settings, Deadline.after(this.#around.clock, SETTLE_TIMEOUT_MS));
        return lease;
      } catch (error) {
        const { closed } = lease.server;
        lease.release({ owed: 0, halfSent: true });
        if (!closed || this.#ended || attempt === MOST_ATTEMPTS) throw error;
      }
    }
  }

  /** In turn, unless the client goes first. */
  async #waitFor(pool: Pool): Promise<Lease> {
    const socket = this.#socket;
    if (socket.readableEnded) throw new ClientGone();
    const gone = (): unknown => socket.destroy();
    socket.once("end", gone);
    try {
      return await pool.checkout(pool.checkoutTimeoutMs, (leave) => {
        this.#leaveQueue = leave;
      });
    } finally {
      this.#leaveQueue = undefined;
      socket.off("end", gone);
    }
  }

  #namingFor(tenant: Tenant): Naming {
    if (this.#mode === "session") return "session";
    return tenant.namedPreparedStatements === false ? "server" : "client";
  }

  #poolFor(identity: Identity, credentials: ServerCredentials): Pool {
    const { tenant, database, user } = identity;
    return this.#around.pools.for(
      { tenant: tenant.id, database, user, mode: this.#mode },
      tenant,
      credentials,
      this.#acceptedAtMs,
    );
  }

  #closed(): void {
    this.#relay?.clientClosed();
    this.#passage?.close();
    this.#ended = true;
    this.#leaveQueue?.(new Terminated());
    this.#lingering?.cancel();
    this.#leave();
  }

  #leave(): void {
    if (this.#countedIn !== undefined) {
      this.#around.admissions.left(this.#countedIn, this.#countedAs);
      this.#countedIn = undefined;
    }
    this.#arrival?.end();
    this.#loginTimer?.cancel();
    if (this.#pool !== undefined) {
      this.tellAge();
      this.#pool.clients -= 1;
      this.#pool = undefined;
    }
    if (this.#cancelNumber !== undefined) {
      this.#around.cancelKeys.revoke(this.#cancelNumber);
      this.#cancelNumber = undefined;
    }
    this.#owner.sessionEnded(this);
  }
}

function ignored(): void {}

/** In the form that its client reads. */
function lastWords(error: SluiceError): Buffer {
  return error instanceof UnsupportedProtocol && error.isOlder
    ? protocol2Error(error.clientMessage)
    : errorResponseOf("FATAL", error);
}

function settingsOf({ tenant, settings }: Identity, startup: Startup): ReadonlyMap<string, string> {
  if (!tenant.applicationNameAddHost) return settings;
  const name = applicationNameWithHost(settings.get("application_name"), startup.address.ip, startup.port);
  return new Map(settings).set("application_name", name);
}

/** What a user that the tenant names logs in with may have changed since the client's login. */
function followed(
  credentials: ServerCredentials,
  before: Identity,
  now: Identity,
  derivations: KeyDerivations,
): ServerCredentials {
  if (before.tenant === now.tenant) return credentials;
  const { user } = now;
  const wasConfigured = configuredCredentials(before.tenant, user, derivations) === credentials;
  return (wasConfigured ? configuredCredentials(now.tenant, user, derivations) : undefined) ?? credentials;
}
