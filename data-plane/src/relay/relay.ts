import { SluiceError } from "@sluice/shared/errors";
import { background } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import { type Clock, Deadline } from "@sluice/shared/time";
import type { PoolMeter } from "../metrics/index.js";
import { CLEAN, type Lease, type Place, type Pool, PoolRetired, type Waiter } from "../pool/index.js";
import { ServerError, type ServerHolder, type SessionSettings } from "../server/index.js";
import type { DirectSocket } from "../transport/index.js";
import {
  errorResponse,
  Frontend,
  isFrontendType,
  MalformedMessage,
  notificationResponse,
  TransactionStatus,
} from "../wire/index.js";
import type { Asker } from "./asker.js";
import { CancelRequests } from "./cancel-requests.js";
import { ClientSettings, changesSince } from "./client-settings.js";
import type { Exchange } from "./exchange.js";
import type { Exchanges } from "./exchanges.js";
import { lastReport, SPOILT, UNCERTAIN } from "./last-report.js";
import type { Ledger } from "./ledger.js";
import { askWhatIsLeft, mustAsk, refusedPin } from "./left-behind.js";
import type { Naming } from "./naming.js";
import { JOINED, RESTORES } from "./outcomes.js";
import { Owed } from "./owed.js";
import { PendingSegments } from "./pending-segments.js";
import { RefusedRequests } from "./refused-requests.js";
import {
  ClientIdleTimeout,
  IdleTransactionTimeout,
  OutcomeUnknown,
  QueryCanceled,
  TransactionTimeout,
} from "./relay-failure.js";
import type { Remembered } from "./remembered.js";
import type { Renewal } from "./renewal.js";
import type { Replies } from "./replies.js";
import { RequestTimes } from "./request-times.js";
import type { Requests } from "./requests.js";
import { settle } from "./settle.js";
import type { SharedStatements } from "./shared-statements.js";
import type { Timeouts } from "./timeouts.js";

/** Whose client it is. */
export interface RelayHost {
  /** The pool to use now: another one after the tenant's servers changed. Throws when the tenant is gone. */
  currentPool(): Pool;
  /** Ends the client with this error, or without a word. Called once by the relay. */
  end(error: SluiceError | undefined): void;
}

export interface RelayOptions {
  readonly client: DirectSocket;
  readonly host: RelayHost;
  /** What the client came with. */
  readonly settings: SessionSettings;
  readonly naming: Naming;
  readonly shared: SharedStatements;
  readonly exchanges: Exchanges;
  readonly meter: PoolMeter;
  readonly clock: Clock;
  readonly logger: Logger;
}

type Phase =
  /** No server in hand, nothing asked. */
  | "idle"
  /** In the pool's queue, with what the client sent meanwhile. */
  | "waiting"
  /** The server is being brought to the client's settings. */
  | "settling"
  | "active"
  /** The transaction is over, and the server is asked what it has left behind. */
  | "looking"
  /** The request could not be served: the rest of its batch is thrown away. */
  | "refusing"
  | "ended";

const SETTLE_TIMEOUT_MS = 5000;
/** Servers that go while they are brought to a client's settings, before it is told. */
const MOST_SETTLE_ATTEMPTS = 3;

/** A client that asks again soon parses its unnamed statement anew. */
const QUIET_MS = 10_000;

let relays = 0;

/**
 * Hot path: bytes both ways between one client and the servers it is given. A segment is looked at once and
 * written on as it is, if it can be; with a server at hand nothing here waits.
 */
export class Relay implements ServerHolder, Waiter, Asker {
  readonly #options: RelayOptions;
  readonly #client: DirectSocket;
  readonly #meter: PoolMeter;
  /** While a request is under way: most clients are quiet. */
  #exchange: Exchange | undefined;
  /** From one to the next; undefined: nothing is to be known of this client. */
  #remembered: Remembered | undefined;
  /** Made with the first that comes. */
  #cancels: CancelRequests | undefined;
  readonly #id: number;
  #phase: Phase = "idle";
  #lease: Lease | undefined;
  readonly #settings: ClientSettings;
  readonly #pending: PendingSegments;
  readonly #times: RequestTimes;
  #refused: RefusedRequests | undefined;
  readonly #sessionLong: boolean;
  /** A server has been brought to the settings of its login. */
  #everSettled = false;
  #settleAttempts = 0;
  #clientEnded = false;
  #draining: SluiceError | undefined;
  /** In the queue of a pool. */
  #place: Place | undefined;

  constructor(options: RelayOptions) {
    relays += 1;
    this.#id = relays;
    this.#options = options;
    this.#client = options.client;
    this.#meter = options.meter;
    this.#settings = new ClientSettings(options.settings);
    this.#pending = new PendingSegments(options.client);
    this.#times = new RequestTimes(options.clock, options.meter);
    this.#sessionLong = options.naming === "session";
  }

  // As what follows its requests asks about it.

  get naming(): Naming {
    return this.#options.naming;
  }

  get shared(): SharedStatements {
    return this.#options.shared;
  }

  get meter(): PoolMeter {
    return this.#meter;
  }

  get restores(): boolean {
    return this.#settings.restores;
  }

  get parseContext(): string {
    return this.#settings.parseContext;
  }

  reported(name: string): boolean {
    return this.#lease?.server.reports(name) ?? false;
  }

  refusesPin(): SluiceError | undefined {
    return refusedPin(this.#lease, () => this.#options.host.currentPool().mayPin);
  }

  restore(names: readonly string[]): string | undefined {
    return this.#settings.queryAfterReset(names);
  }

  parameters(): ReadonlyMap<string, string> {
    return this.#lease?.server.parameters ?? NO_PARAMETERS;
  }

  changesSince(told: ReadonlyMap<string, string>): Buffer {
    return changesSince(told, this.parameters());
  }

  #takeExchange(): Exchange {
    const exchange = this.#options.exchanges.take(this, this.#remembered);
    this.#exchange = exchange;
    return exchange;
  }

  #giveExchangeBack(): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    this.#exchange = undefined;
    this.#remembered = this.#options.exchanges.giveBack(exchange);
  }

  get #ledger(): Ledger {
    return (this.#exchange ?? this.#takeExchange()).ledger;
  }

  get #requests(): Requests {
    return (this.#exchange ?? this.#takeExchange()).requests;
  }

  get #replies(): Replies {
    return (this.#exchange ?? this.#takeExchange()).replies;
  }

  get #renewal(): Renewal {
    return (this.#exchange ?? this.#takeExchange()).renewal;
  }

  /** From time to time: what is remembered of a client that is quiet is held for itself. */
  rest(): void {
    if (this.#times.quietForMs >= QUIET_MS && this.#exchange === undefined)
      this.#remembered?.unnamed.detach();
  }

  /** As the console shows it. */
  get state(): "idle" | "waiting" | "active" {
    if (this.#phase === "waiting") return "waiting";
    return this.#lease === undefined ? "idle" : "active";
  }

  /** For a server, now. */
  get waitedMs(): number {
    return this.#phase === "waiting" ? this.#times.quietForMs : 0;
  }

  /** Ms since anything went either way; 0 inside a transaction, and while an answer is owed. */
  get quietForMs(): number {
    const quiet = this.#phase === "idle" || (this.#phase === "active" && this.#atTransactionEnd());
    return quiet ? this.#times.quietForMs : 0;
  }

  get serverPid(): number | undefined {
    return this.#lease?.server.pid;
  }

  /** The client has been sent half a message: what comes next it would take for the other half. */
  get insideMessage(): boolean {
    return this.#phase === "active" && this.#lease?.server.betweenMessages === false;
  }

  /** Between its transactions, too, and where no server of this pool is to be any more. */
  get keepsMovedServer(): boolean {
    return this.#lease?.moved === true && (this.#sessionLong || this.#requests.traces.pinned);
  }

  /** It has said that it goes, or closed its side, and has been sent all that there was. */
  get clientHasLeft(): boolean {
    return this.#clientEnded && this.#client.flushed;
  }

  get holdsServer(): boolean {
    return this.#lease !== undefined;
  }

  /** Session mode: this server until the end. It has been brought to the client's settings. */
  keep(lease: Lease): void {
    this.#lease = lease;
    this.#phase = "active";
    this.#requests.begin(lease.server, this.#id);
    lease.server.hold(this);
  }

  received(segment: Buffer): undefined {
    if (this.#phase === "ended" || this.#clientEnded) return;
    this.#meter.fromClient(segment.length);
    this.#times.arrived((this.#exchange === undefined || this.#ledger.owed === 0) && !this.#pending.any);
    switch (this.#phase) {
      case "active":
        if (this.#pending.any || this.#renewal.due) this.#pending.add(segment);
        else this.#toServer(segment);
        break;
      case "idle":
        this.#first(segment);
        break;
      case "waiting":
      case "settling":
      case "looking":
        this.#pending.add(segment);
        break;
      case "refusing":
        this.#refuseMore(segment);
        break;
    }
  }

  /**
   * The client will send nothing more. It is served to the end of what it has sent, and may still read its answers; but
   * where it waits for a server it gives its place up.
   */
  clientEnd(): void {
    this.#clientEnded = true;
    if (this.#phase === "active") this.#endIfNothingCan();
    else if (this.#phase !== "looking") this.#finish(undefined);
  }

  /**
   * The client says no more. Nothing is owed to it; or the server waits for the rest of a message or for COPY data, and
   * would wait for ever.
   */
  #endIfNothingCan(): void {
    if (!this.#clientEnded || this.#phase !== "active" || this.#pending.any) return;
    const ledger = this.#ledger;
    if (ledger.owed === 0 || ledger.copying || this.#requests.insideMessage) this.#finish(undefined);
  }

  /** The client's socket can be written to again. */
  drained(): void {
    const flow = this.#lease?.server.flow;
    flow?.resume();
    // Refusals that it did not read kept it from being heard.
    if (flow?.flushed !== false) this.#pending.hearClient();
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
    if (this.#phase === "idle" || (this.#phase === "active" && this.#atTransactionEnd())) {
      if (this.#times.idleOverdue(timeouts) !== undefined) this.#finish(new ClientIdleTimeout());
      return;
    }
    if (this.#phase !== "active") return;
    switch (this.#times.overdue(timeouts, this.#ledger.asked)) {
      case "transaction":
        this.#finish(new TransactionTimeout());
        break;
      case "idle in transaction":
        this.#finish(new IdleTransactionTimeout());
        break;
      case "query":
        this.cancel();
        break;
    }
  }

  /** A cancel request with this session's key came. */
  cancel(): void {
    switch (this.#phase) {
      case "waiting":
        if (this.#place?.leave() === true) this.refused(new QueryCanceled());
        break;
      case "settling":
      case "looking":
        this.#cancelling.wanted = this.#pending.any;
        break;
      case "active":
        // Our own query in front of the client's is not what is meant.
        if (this.#ledger.front === Owed.ourQuery || this.#renewal.due) this.#cancelling.wanted = true;
        else if (this.#ledger.asked) this.#sendCancel();
        break;
    }
  }

  #sendCancel(): void {
    if (this.#lease !== undefined) this.#cancelling.send(this.#lease);
  }

  get #cancelling(): CancelRequests {
    this.#cancels ??= new CancelRequests(this.#options);
    return this.#cancels;
  }

  // What the server says.

  begins(type: number, start: number, end: number): void {
    this.#replies.begins(type, start, end);
  }

  readyForQuery(status: number, end: number): void {
    const asked = this.#ledger.asked;
    const ours = this.#ledger.front === Owed.ourQuery;
    this.#replies.readyForQuery(end);
    if (ours) {
      if (this.#cancels?.wanted === true && this.#ledger.asked) this.#sendCancel();
      // It was about what has been answered: nothing that is asked later.
      else if (!this.#pending.any) this.#cancels?.takeWanted();
      return;
    }
    this.#times.ready(asked, status === TransactionStatus.idle, this.#ledger.asked);
    this.#renewal.answered();
  }

  commandComplete(tag: string): void {
    this.#replies.tagged?.tag?.(tag);
  }

  errorResponse(error: ServerError, body: Buffer): void {
    if (this.#ledger.front === Owed.ourQuery) {
      // The client's message is on its way, and is not to run under settings that are not its own.
      if (this.#ledger.frontOutcome === JOINED) this.#finish(error, true);
      return;
    }
    if (!this.#replies.errorReplaced) {
      const told = this.#requests.inClientsWords(body);
      if (told !== undefined) this.#replies.replaceError(told);
    }
    if (error.sqlstate === "0A000" && error.fields.get("R") === "RevalidateCachedQuery")
      this.#renewal.outdated(this.#lease?.server.transactionStatus);
    this.#ledger.error();
  }

  copyIn(): void {
    this.#ledger.copyIn();
    this.#endIfNothingCan();
  }

  parameterChanged(name: string, value: string): void {
    const server = this.#lease?.server;
    if (server === undefined) return;
    // Of settings of our own, the client knows.
    if (this.#ledger.front === Owed.ourQuery && this.#ledger.frontOutcome !== RESTORES) return;
    const settings = this.#settings.withReported(name, value, server);
    if (settings !== undefined) this.#adopt(settings);
  }

  serverData(segment: Buffer): boolean {
    this.#meter.fromServer(segment.length);
    const bytes = this.#replies.pass(segment);
    let gone = true;
    if (bytes !== undefined && this.#phase === "active") {
      this.#meter.toClient(bytes.length);
      if (!this.#client.write(bytes)) this.#lease?.server.flow.pause();
      gone = this.#client.flushed;
    }
    if (this.#ledger.owed === 0) this.#answered();
    return gone;
  }

  serverDrain(): void {
    this.#pending.hearClient();
  }

  serverClosed(error: Error): void {
    const lease = this.#lease;
    if (lease === undefined) return;
    const said = lease.server.lastError;
    // A FATAL of its own has been passed on like everything else it said.
    this.#finish(said?.fields.get("S") === "FATAL" ? undefined : new OutcomeUnknown(error));
  }

  // From the client to a server.

  /** No server is in hand, and a message begins. */
  #first(segment: Buffer): void {
    const type = segment[0] as number;
    if (type === Frontend.Terminate) {
      this.clientEnd();
      return;
    }
    // A stranger to the protocol is not given a server.
    if (!isFrontendType(type) || type === Frontend.Password) {
      this.#finish(new MalformedMessage("unexpected message type"));
      return;
    }
    this.#pending.add(segment);
    this.#checkOut();
  }

  #checkOut(): void {
    let pool: Pool;
    try {
      pool = this.#options.host.currentPool();
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
    const place = pool.enter(this, pool.checkoutTimeoutMs);
    if (this.#phase === "waiting") this.#place = place;
  }

  granted(lease: Lease): void {
    this.#place = undefined;
    if (this.#phase === "waiting") this.#begin(lease);
    else lease.release(CLEAN);
  }

  refused(error: SluiceError): void {
    this.#place = undefined;
    if (this.#phase !== "waiting") return;
    // The tenant's servers are others now, or it is gone: asking for the pool again tells which.
    if (error instanceof PoolRetired && this.#draining === undefined) this.#checkOut();
    else this.#refuse(error);
  }

  #begin(lease: Lease): void {
    // Before the server counts as one with the client's settings.
    if (this.#cancels?.takeWanted() === true) {
      lease.release(CLEAN);
      this.#refuse(new QueryCanceled());
      return;
    }
    this.#lease = lease;
    const way = this.#settings.wayTo(lease.server);
    if (way !== undefined) this.#meter.settled();
    if (way !== "answer") {
      if (way !== undefined) this.#ledger.ourQuery(JOINED);
      this.#send(lease, way);
      return;
    }
    this.#phase = "settling";
    background(this.#options.logger, "settings of a session", this.#settle(lease));
  }

  async #settle(lease: Lease): Promise<void> {
    try {
      await settle(lease.server, this.#settings.now, Deadline.after(this.#options.clock, SETTLE_TIMEOUT_MS));
    } catch (error) {
      this.#lease = undefined;
      const { closed } = lease.server;
      // What the server has refused it has not done.
      lease.release(error instanceof ServerError && lease.server.idle ? CLEAN : SPOILT);
      if (this.#phase !== "settling") return;
      this.#settleAttempts += 1;
      // It has died before anything of the request was sent: another one will do.
      if (closed && this.#settleAttempts < MOST_SETTLE_ATTEMPTS) this.#checkOut();
      else if (this.#everSettled) this.#refuse(SluiceError.from(error));
      else this.#finish(SluiceError.from(error));
      return;
    }
    this.#settleAttempts = 0;
    if (this.#phase === "settling") this.#send(lease);
    else {
      this.#lease = undefined;
      lease.release(CLEAN);
    }
  }

  #send(lease: Lease, first?: Buffer): void {
    this.#phase = "active";
    this.#everSettled = true;
    if (this.#cancels?.takeWanted() === true) {
      this.#lease = undefined;
      if (first !== undefined) this.#ledger.clear();
      lease.release(CLEAN);
      this.#refuse(new QueryCanceled());
      return;
    }
    this.#requests.begin(lease.server, this.#id);
    lease.server.hold(this);
    this.#sendPending(first);
  }

  #sendPending(first?: Buffer): void {
    const only = this.#pending.takeOnly();
    if (only !== undefined) this.#toServer(only, first);
    else this.#sendAll(this.#pending.take(), first);
    if (this.#clientEnded) this.#endIfNothingCan();
  }

  #sendAll(segments: readonly Buffer[], first: Buffer | undefined): void {
    for (const [i, segment] of segments.entries()) {
      if (this.#phase === "ended" || (this.#phase === "active" && this.#requests.terminated)) return;
      if (this.#phase !== "active" || this.#pending.any) this.#pending.add(segment);
      else this.#toServer(segment, i === 0 ? first : undefined);
    }
    // Nothing answers COPY data that came too late: what is behind it is a request of its own.
    if (this.#phase === "idle" && this.#pending.any) this.#checkOut();
  }

  #toServer(segment: Buffer, first?: Buffer): void {
    const lease = this.#lease;
    if (lease === undefined) return;
    const requests = this.#requests;
    const untouched = this.#ledger.front === Owed.none && requests.settled;
    let bytes: Buffer | undefined;
    try {
      bytes = requests.forward(segment);
    } catch (error) {
      // Nothing of it has been sent.
      if (untouched) this.#ledger.clear();
      this.#finish(SluiceError.from(error), !untouched);
      return;
    }
    if (first !== undefined) bytes = bytes === undefined ? first : Buffer.concat([first, bytes]);
    if (bytes !== undefined) {
      this.#meter.toServer(bytes.length);
      if (!lease.server.flow.write(bytes)) this.#client.pause();
    }
    const { stalled } = requests;
    if (stalled !== undefined) {
      requests.stalled = undefined;
      this.#pending.add(stalled);
    }
    if (requests.terminated) this.clientEnd();
    // Flush alone, COPY data that comes too late: nothing answers them.
    else if (this.#ledger.owed === 0 && this.#phase === "active" && this.#atTransactionEnd())
      this.#answered();
  }

  // What comes of the answers.

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

  /** Nothing is owed any more. */
  #answered(): void {
    const lease = this.#lease;
    if (lease === undefined || this.#phase !== "active") return;
    const batch = this.#renewal.take();
    if (batch !== undefined) {
      this.#toServer(batch);
      if (this.#pending.any) this.#sendPending();
      return;
    }
    if (!this.#atTransactionEnd()) {
      if (this.#pending.any) this.#sendPending();
      else if (this.#clientEnded) this.#finish(undefined);
      return;
    }
    const { traces } = this.#requests;
    if (traces.effects !== 0 && !this.#sessionLong && mustAsk(lease, traces)) {
      this.#phase = "looking";
      background(this.#options.logger, "what a session left behind", this.#look(lease));
      return;
    }
    this.#concluded(lease);
  }

  async #look(lease: Lease): Promise<void> {
    let settings: SessionSettings | undefined;
    try {
      const { naming, clock, logger } = this.#options;
      const notified = (body: Buffer): void => {
        if (this.#phase === "looking") this.#client.write(notificationResponse(body));
      };
      settings = await askWhatIsLeft(lease, this.#requests.traces, { naming, clock, logger, notified });
    } catch (error) {
      this.#lease = undefined;
      lease.release(SPOILT);
      if (this.#phase === "looking") this.#finish(new OutcomeUnknown(SluiceError.from(error)));
      return;
    }
    if (settings !== undefined) this.#adopt(settings);
    if (this.#phase !== "looking") {
      this.#lease = undefined;
      lease.server.lastHolder = this.#id;
      lease.release(CLEAN);
      return;
    }
    this.#phase = "active";
    this.#concluded(lease);
  }

  /** The transaction is over, and what it did is known. */
  #concluded(lease: Lease): void {
    const requests = this.#requests;
    requests.transactionEnded();
    if (this.#draining !== undefined) {
      this.#finish(this.#draining);
      return;
    }
    if (this.#sessionLong || requests.traces.pinned) {
      // What it was meant for has not been sent yet.
      if (this.#cancels?.takeWanted() === true && this.#pending.any) this.#refuse(new QueryCanceled());
      if (this.#pending.any) this.#sendPending();
      else if (this.#clientEnded) this.#finish(undefined);
      return;
    }
    requests.end();
    this.#lease = undefined;
    this.#phase = "idle";
    // Its answer may come before its socket tells that it has taken all.
    this.#pending.hearClient();
    lease.server.lastHolder = this.#id;
    const { uncertain } = this.#ledger;
    if (uncertain) this.#ledger.clear();
    // The next client's may be taken in the release.
    this.#giveExchangeBack();
    lease.release(uncertain ? UNCERTAIN : CLEAN);
    if (this.#pending.any) this.#checkOut();
    else if (this.#clientEnded) this.#finish(undefined);
  }

  #adopt(settings: SessionSettings): void {
    this.#settings.adopt(settings, this.#lease?.server);
  }

  // Where a request cannot be served: the connection stays, as after any other ERROR.

  #refuse(error: SluiceError): void {
    this.#times.none();
    if (this.#lease === undefined) this.#giveExchangeBack();
    const refused = new RefusedRequests(errorResponse("ERROR", error.sqlstate, error.clientMessage));
    const pending = this.#pending.take();
    this.#pending.hearClient();
    try {
      for (const segment of pending) refused.read(segment, true);
    } catch (thrown) {
      this.#finish(SluiceError.from(thrown));
      return;
    }
    this.#refusedSoFar(refused);
  }

  #refuseMore(segment: Buffer): void {
    const refused = this.#refused;
    if (refused === undefined) return;
    let end: number;
    try {
      end = refused.read(segment, false);
    } catch (thrown) {
      this.#finish(SluiceError.from(thrown));
      return;
    }
    this.#refusedSoFar(refused);
    if (end < segment.length) this.received(segment.subarray(end));
  }

  #refusedSoFar(refused: RefusedRequests): void {
    const answers = refused.takeAnswers();
    // They are longer than what asked for them: who does not read them is not heard.
    if (answers.length > 0 && !this.#client.write(answers)) this.#client.pause();
    const served = this.#lease === undefined ? "idle" : "active";
    this.#phase = refused.settled ? served : "refusing";
    this.#refused = refused.settled ? undefined : refused;
    if (this.#draining !== undefined) this.#finish(this.#draining);
    else if (refused.terminated || this.#clientEnded) this.#finish(undefined);
  }

  /** `spoilt`: the server in hand is not to be used again. */
  #finish(error: SluiceError | undefined, spoilt = false): void {
    if (this.#phase === "ended") return;
    const phase = this.#phase;
    const speechless = this.insideMessage;
    this.#phase = "ended";
    this.#place?.leave();
    this.#place = undefined;
    this.#pending.clear();
    const lease = this.#lease;
    // While it settles or looks, whoever waits for that gives the server back.
    if (lease !== undefined && phase !== "settling" && phase !== "looking") {
      this.#lease = undefined;
      lease.server.lastHolder = this.#id;
      lease.release(spoilt ? SPOILT : lastReport(lease.server, this.#ledger, this.#requests));
    }
    const remembered = this.#exchange?.remembered ?? this.#remembered;
    remembered?.clear();
    this.#options.host.end(speechless ? undefined : error);
  }
}

const NO_PARAMETERS: ReadonlyMap<string, string> = new Map();
