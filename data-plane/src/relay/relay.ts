import type { Socket } from "node:net";
import { SluiceError } from "@sluice/shared/errors";
import { background } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import { type Clock, Deadline } from "@sluice/shared/time";
import { type Lease, type Pool, PoolRetired } from "../pool/index.js";
import { type ServerConnection, type ServerHolder, SessionSettings } from "../server/index.js";
import { errorResponse, READY_IDLE, TransactionStatus } from "../wire/index.js";
import { Ledger } from "./ledger.js";
import {
  ClientIdleTimeout,
  IdleTransactionTimeout,
  OutcomeUnknown,
  QueryCanceled,
  TransactionTimeout,
  UnnamedStatementGone,
} from "./relay-failure.js";
import { RequestScanner } from "./request-scanner.js";
import type { Timeouts } from "./timeouts.js";

export interface RelayOptions {
  readonly client: Socket;
  /** The pool to use now: another one after the tenant's servers changed. Throws when the tenant is gone. */
  readonly pool: () => Pool;
  readonly settings: SessionSettings;
  readonly checkoutTimeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends the client with this error, or without a word. Called once. */
  readonly end: (error: SluiceError | undefined) => void;
}

type Phase =
  /** No server in hand, nothing asked. */
  | "idle"
  /** In the pool's queue, with what the client sent meanwhile. */
  | "waiting"
  /** The server is being brought to the client's settings. */
  | "settling"
  | "active"
  /** The request could not be served: the rest of its batch is thrown away. */
  | "skipping"
  | "ended";

/** What a client may send ahead while it waits for a server. */
const MOST_PENDING_BYTES = 256 * 1024;
const SETTLE_TIMEOUT_MS = 5000;
const CANCEL_WAIT_TIMEOUT_MS = 10_000;
/** Reported, and nothing that a client sets. */
const NOT_SETTABLE: ReadonlySet<string> = new Set([
  "server_version",
  "server_encoding",
  "integer_datetimes",
  "is_superuser",
  "session_authorization",
  "in_hot_standby",
]);

/**
 * Hot path: bytes both ways between one client and the servers it is given. A segment is looked at once and
 * written on as it is; with a server at hand nothing here allocates or waits.
 */
export class Relay implements ServerHolder {
  readonly #options: RelayOptions;
  readonly #client: Socket;
  readonly #ledger = new Ledger();
  readonly #requests: RequestScanner;
  #phase: Phase = "idle";
  #lease: Lease | undefined;
  #settings: SessionSettings;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #pinWanted = false;
  #sessionLong = false;
  #clientEnded = false;
  #draining: SluiceError | undefined;
  #leaveQueue: ((error: SluiceError) => void) | undefined;
  /** When anything went either way last. */
  #activeAtMs: number;
  /** When the oldest request that is owed an answer was sent. */
  #askedAtMs = 0;
  /** When the transaction began; 0: there is none. */
  #begunAtMs = 0;
  #queryTimedOut = false;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#client = options.client;
    this.#settings = options.settings;
    this.#activeAtMs = options.clock.monotonic();
    this.#requests = new RequestScanner(
      this.#ledger,
      (name) => this.#lease?.server.reports(name) ?? REPORTED_EVERYWHERE.has(name),
    );
  }

  get holdsServer(): boolean {
    return this.#lease !== undefined;
  }

  /** Session mode: this server until the end. It has been brought to the client's settings. */
  keep(lease: Lease): void {
    this.#sessionLong = true;
    this.#lease = lease;
    this.#phase = "active";
    lease.server.hold(this);
  }

  clientData(segment: Buffer): void {
    if (this.#phase === "ended" || this.#clientEnded) return;
    this.#activeAtMs = this.#options.clock.monotonic();
    if (this.#ledger.owed === 0) this.#askedAtMs = this.#activeAtMs;
    if (this.#begunAtMs === 0) this.#begunAtMs = this.#activeAtMs;
    let findings: RequestScanner["findings"];
    try {
      findings = this.#requests.scan(segment);
    } catch (error) {
      this.#finish(SluiceError.from(error));
      return;
    }
    const part = findings.end === segment.length ? segment : segment.subarray(0, findings.end);
    if (findings.usesUnnamed) {
      this.#finish(new UnnamedStatementGone());
      return;
    }
    if (findings.pins && !this.#sessionLong) this.#pinWanted = true;
    if (part.length > 0) {
      switch (this.#phase) {
        case "active":
          this.#toServer(part);
          break;
        case "idle":
          this.#pend(part);
          this.#checkOut();
          break;
        case "waiting":
        case "settling":
          this.#pend(part);
          break;
        case "skipping":
          this.#skip();
          break;
      }
    }
    if (findings.discardsAll) this.#discarded();
    if (findings.terminates) this.clientEnd();
  }

  /** The client will send nothing more; it may still read its answers. */
  clientEnd(): void {
    this.#clientEnded = true;
    if (this.#phase === "ended") return;
    if (this.#phase === "idle" || this.#phase === "skipping" || this.#ledger.owed === 0)
      this.#finish(undefined);
  }

  /** The client's socket can be written to again. */
  clientDrain(): void {
    this.#lease?.server.socket.resume();
  }

  /** The client is gone. */
  clientClosed(): void {
    this.#finish(undefined);
  }

  /** Ends the session with `error` as soon as no transaction is open. */
  drain(error: SluiceError): void {
    this.#draining = error;
    if (this.#phase === "idle" || this.#phase === "waiting") this.#finish(error);
    else if (this.#phase === "active" && this.#atTransactionEnd()) this.#finish(error);
  }

  /** Ends what has lasted for longer than it may. */
  checkTimeouts(timeouts: Timeouts): void {
    const nowMs = this.#options.clock.monotonic();
    const over = (limitMs: number, sinceMs: number): boolean => limitMs > 0 && nowMs - sinceMs >= limitMs;
    const asking = this.#phase !== "idle" && this.#ledger.owed > 0;
    if (this.#phase === "idle" || (this.#phase === "active" && this.#atTransactionEnd())) {
      this.#begunAtMs = 0;
      if (over(timeouts.clientIdleMs, this.#activeAtMs)) this.#finish(new ClientIdleTimeout());
      return;
    }
    if (this.#phase !== "active") return;
    if (over(timeouts.transactionMs, this.#begunAtMs)) this.#finish(new TransactionTimeout());
    else if (!asking && over(timeouts.idleTransactionMs, this.#activeAtMs)) {
      this.#finish(new IdleTransactionTimeout());
    } else if (asking && !this.#queryTimedOut && over(timeouts.queryMs, this.#askedAtMs)) {
      // Once for a request: what does not heed it would be asked again with each look.
      this.#queryTimedOut = true;
      this.cancel();
    }
  }

  /** A cancel request with this session's key came. */
  cancel(): void {
    if (this.#phase === "waiting") {
      this.#leaveQueue?.(new QueryCanceled());
      return;
    }
    const lease = this.#lease;
    if (lease === undefined || this.#phase !== "active" || this.#ledger.owed === 0) return;
    const done = lease.beginCancel();
    const deadline = Deadline.after(this.#options.clock, CANCEL_WAIT_TIMEOUT_MS);
    background(
      this.#options.logger,
      "cancel request",
      lease.cancel(deadline).then(done, (error: unknown) => {
        // Nobody knows whether the signal still comes: the server must not reach another client.
        lease.server.close();
        done();
        throw error;
      }),
    );
  }

  // What the server says.

  readyForQuery(status: number): void {
    this.#ledger.ready();
    this.#activeAtMs = this.#options.clock.monotonic();
    this.#askedAtMs = this.#activeAtMs;
    this.#queryTimedOut = false;
    if (status === TransactionStatus.idle) this.#begunAtMs = 0;
  }

  copyIn(): void {
    this.#ledger.copyIn();
  }

  parameterChanged(name: string, value: string): void {
    const server = this.#lease?.server;
    if (server === undefined || NOT_SETTABLE.has(name)) return;
    this.#settings = this.#settings.with(name, value, server.baseline.get(name));
    server.settings = this.#settings;
  }

  serverData(segment: Buffer): void {
    if (!this.#client.write(segment)) this.#lease?.server.socket.pause();
    if (this.#ledger.owed === 0) this.#transactionMayBeOver();
  }

  serverDrain(): void {
    this.#client.resume();
  }

  serverClosed(error: Error): void {
    const lease = this.#lease;
    if (lease === undefined) return;
    const said = lease.server.lastError;
    // A FATAL of its own has been passed on like everything else it said.
    this.#finish(said?.fields.get("S") === "FATAL" ? undefined : new OutcomeUnknown(error));
  }

  #pend(segment: Buffer): void {
    this.#pending.push(segment);
    this.#pendingBytes += segment.length;
    if (this.#pendingBytes > MOST_PENDING_BYTES) this.#client.pause();
  }

  #checkOut(): void {
    let pool: Pool;
    try {
      pool = this.#options.pool();
    } catch (error) {
      this.#finish(SluiceError.from(error));
      return;
    }
    const atHand = pool.takeIdle();
    if (atHand !== undefined) {
      this.#begin(atHand);
      return;
    }
    this.#phase = "waiting";
    pool
      .checkout(this.#options.checkoutTimeoutMs, (leave) => {
        this.#leaveQueue = leave;
      })
      .then(
        (lease) => {
          this.#leaveQueue = undefined;
          if (this.#phase === "waiting") this.#begin(lease);
          else lease.release({ owed: 0, halfSent: false });
        },
        (error: unknown) => {
          this.#leaveQueue = undefined;
          if (this.#phase !== "waiting") return;
          // The tenant's servers are others now, or it is gone: asking for the pool again tells which.
          if (error instanceof PoolRetired && this.#draining === undefined) this.#checkOut();
          else this.#refuse(SluiceError.from(error));
        },
      );
  }

  #begin(lease: Lease): void {
    this.#lease = lease;
    const { server } = lease;
    if (server.settings === this.#settings || server.settings.equals(this.#settings)) {
      this.#send(lease);
      return;
    }
    this.#phase = "settling";
    background(this.#options.logger, "settings of a session", this.#settle(lease));
  }

  async #settle(lease: Lease): Promise<void> {
    try {
      await settle(lease.server, this.#settings, Deadline.after(this.#options.clock, SETTLE_TIMEOUT_MS));
    } catch (error) {
      this.#lease = undefined;
      lease.release({ owed: 0, halfSent: true });
      if (this.#phase === "settling") this.#finish(SluiceError.from(error));
      return;
    }
    if (this.#phase === "settling") this.#send(lease);
    else {
      this.#lease = undefined;
      lease.release({ owed: 0, halfSent: false });
    }
  }

  #send(lease: Lease): void {
    this.#phase = "active";
    lease.server.hold(this);
    const pending = this.#pending;
    if (this.#pendingBytes > MOST_PENDING_BYTES) this.#client.resume();
    this.#pending = [];
    this.#pendingBytes = 0;
    if (pending.length === 1) this.#toServer(pending[0] as Buffer);
    else if (pending.length > 1) this.#toServer(Buffer.concat(pending));
  }

  #toServer(segment: Buffer): void {
    const lease = this.#lease;
    if (lease === undefined) return;
    if (this.#pinWanted && lease.state === "leased") lease.pin();
    if (!lease.server.socket.write(segment)) this.#client.pause();
  }

  #discarded(): void {
    const lease = this.#lease;
    this.#settings = SessionSettings.EMPTY;
    if (lease === undefined) return;
    lease.server.settings = SessionSettings.EMPTY;
    // Should it fail, inside a transaction, the server is not what it seems: discarded once more at its release.
    lease.server.soiled = true;
  }

  #atTransactionEnd(): boolean {
    const lease = this.#lease;
    return (
      lease !== undefined &&
      this.#ledger.owed === 0 &&
      !this.#ledger.copying &&
      lease.server.transactionStatus === TransactionStatus.idle &&
      this.#requests.settled
    );
  }

  #transactionMayBeOver(): void {
    if (!this.#atTransactionEnd()) {
      if (this.#clientEnded && this.#phase === "active") this.#finish(undefined);
      return;
    }
    if (this.#draining !== undefined) {
      this.#finish(this.#draining);
      return;
    }
    const lease = this.#lease;
    if (this.#sessionLong || lease === undefined || lease.state === "pinned") {
      if (this.#clientEnded) this.#finish(undefined);
      return;
    }
    this.#lease = undefined;
    this.#phase = "idle";
    // Here and not at the next checkout: what comes in front of that one has been scanned already.
    this.#requests.serverChanged();
    lease.release({ owed: 0, halfSent: false });
    if (this.#clientEnded) this.#finish(undefined);
  }

  /** The request cannot be served; the connection stays, as after any other ERROR. */
  #refuse(error: SluiceError): void {
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#client.resume();
    const message = errorResponse("ERROR", error.sqlstate, error.clientMessage);
    const owed = this.#ledger.owed;
    this.#ledger.clear();
    if (owed > 0) {
      for (let i = 0; i < owed; i++) this.#client.write(Buffer.concat([message, READY_IDLE]));
    } else {
      this.#client.write(message);
    }
    this.#phase = this.#requests.settled ? "idle" : "skipping";
    this.#requests.serverChanged();
    if (this.#draining !== undefined) this.#finish(this.#draining);
    else if (this.#clientEnded) this.#finish(undefined);
  }

  /** Throws away up to the batch's Sync, then says that the next request may come. */
  #skip(): void {
    const owed = this.#ledger.owed;
    this.#ledger.clear();
    for (let i = 0; i < owed; i++) this.#client.write(READY_IDLE);
    this.#requests.serverChanged();
    if (this.#requests.settled) this.#phase = "idle";
  }

  #finish(error: SluiceError | undefined): void {
    if (this.#phase === "ended") return;
    const phase = this.#phase;
    this.#phase = "ended";
    this.#leaveQueue?.(new QueryCanceled());
    this.#pending = [];
    const lease = this.#lease;
    // While it settles, #settle gives the server back.
    if (lease !== undefined && phase === "active") {
      this.#lease = undefined;
      const halfSent =
        this.#requests.insideMessage ||
        this.#ledger.copying ||
        (!this.#requests.settled && this.#ledger.owed === 0);
      lease.release({ owed: this.#ledger.owed, halfSent });
    }
    this.#options.end(error);
  }
}

/** Until a server is in hand: parameters that every supported version reports. */
const REPORTED_EVERYWHERE: ReadonlySet<string> = new Set([
  "application_name",
  "client_encoding",
  "datestyle",
  "intervalstyle",
  "standard_conforming_strings",
  "timezone",
]);

/** Brings a server that nobody else uses to a client's settings. Throws the server's error. */
export async function settle(
  server: ServerConnection,
  settings: SessionSettings,
  deadline: Deadline,
): Promise<void> {
  const text = settings.queryFrom(server.settings);
  if (text !== undefined) await server.run(text, deadline);
  server.settings = settings;
}
