import type { PoolMode } from "@sluice/shared/tenant";
import {
  AGE_BOUNDS_MS,
  BOUNDS_MS,
  counterAt,
  emptyRow,
  gaugeAt,
  HISTOGRAM_SUM,
  histogramAt,
  POOL_GAUGES,
  type PoolGauge,
  type PoolRow,
  ROW_WIDTH,
} from "./pool-row.js";
import type { SlowSpans } from "./slow-spans.js";

export interface PoolLabels {
  readonly tenant: string;
  readonly database: string;
  readonly user: string;
  readonly mode: PoolMode;
}

/** Why there is no server: its machine or process, the tenant's user or password, or what a client asked it for. */
export type ConnectFailure = "unreachable" | "login" | "refused";

const at = {
  queries: counterAt("queries"),
  transactions: counterAt("transactions"),
  logins: counterAt("logins"),
  bytesFromClients: counterAt("bytesFromClients"),
  bytesToClients: counterAt("bytesToClients"),
  bytesFromServers: counterAt("bytesFromServers"),
  bytesToServers: counterAt("bytesToServers"),
  serversOpened: counterAt("serversOpened"),
  serversClosed: counterAt("serversClosed"),
  connects: counterAt("connects"),
  checkoutTimeouts: counterAt("checkoutTimeouts"),
  resets: counterAt("resets"),
  resetFailures: counterAt("resetFailures"),
  pins: counterAt("pins"),
  settles: counterAt("settles"),
  injectedParses: counterAt("injectedParses"),
  evictedStatements: counterAt("evictedStatements"),
  cancels: counterAt("cancels"),
};
const failedConnects: Readonly<Record<ConnectFailure, number>> = {
  unreachable: counterAt("connectsUnreachable"),
  login: counterAt("connectsNotLoggedIn"),
  refused: counterAt("connectsRefused"),
};
const checkoutTimes = histogramAt("checkout");
const queryTimes = histogramAt("query");
const transactionTimes = histogramAt("transaction");
const connectTimes = histogramAt("connect");
const loginTimes = histogramAt("login");
const ages = histogramAt("age");

/**
 * Counts what one pool does, in this worker. Hot path: a call adds to numbers in one array; nothing is looked up by
 * name and nothing allocates.
 */
export class PoolMeter {
  readonly labels: PoolLabels;
  readonly row: PoolRow = emptyRow();
  readonly #sent: PoolRow = emptyRow();

  #measure: () => void = () => undefined;
  /** Undefined without tracing. */
  readonly #slow: SlowSpans | undefined;
  readonly #slowMs: number;

  constructor(labels: PoolLabels, slow?: SlowSpans) {
    this.labels = labels;
    this.#slow = slow;
    this.#slowMs = slow?.slowMs ?? Number.POSITIVE_INFINITY;
  }

  fromClient(bytes: number): void {
    this.#add(at.bytesFromClients, bytes);
  }

  toClient(bytes: number): void {
    this.#add(at.bytesToClients, bytes);
  }

  fromServer(bytes: number): void {
    this.#add(at.bytesFromServers, bytes);
  }

  toServer(bytes: number): void {
    this.#add(at.bytesToServers, bytes);
  }

  /** From the request to its ReadyForQuery, the wait for a server included. */
  queryDone(ms: number): void {
    this.#add(at.queries, 1);
    this.#observe(queryTimes, ms);
  }

  /** From the first message to the ReadyForQuery that leaves no transaction open. */
  transactionDone(ms: number): void {
    this.#add(at.transactions, 1);
    this.#observe(transactionTimes, ms);
  }

  /** A server was had; 0 when one was at hand. */
  checkedOut(waitedMs: number): void {
    this.#observe(checkoutTimes, waitedMs);
    if (waitedMs >= this.#slowMs) this.#slow?.checkout(this, waitedMs);
  }

  checkoutTimedOut(waitedMs: number, error: unknown): void {
    this.#add(at.checkoutTimeouts, 1);
    this.#slow?.checkout(this, waitedMs, error);
  }

  /** From accept to the greeting. */
  loggedIn(ms: number): void {
    this.#add(at.logins, 1);
    this.#observe(loginTimes, ms);
  }

  /** How long a client is there by now; told now and then, and at its end. */
  aged(ms: number): void {
    this.#observe(ages, ms, AGE_BOUNDS_MS);
  }

  connectBegun(): void {
    this.#add(at.connects, 1);
  }

  connected(ms: number): void {
    this.#add(at.serversOpened, 1);
    this.#observe(connectTimes, ms);
    if (ms >= this.#slowMs) this.#slow?.connect(this, ms);
  }

  connectFailed(ms: number, error: unknown, reason: ConnectFailure): void {
    this.#add(failedConnects[reason], 1);
    this.#slow?.connect(this, ms, error);
  }

  serverClosed(): void {
    this.#add(at.serversClosed, 1);
  }

  /** A server was made clean for the next client, or could not be. */
  serverReset(clean: boolean): void {
    this.#add(clean ? at.resets : at.resetFailures, 1);
  }

  pinned(): void {
    this.#add(at.pins, 1);
  }

  /** A server was brought to a client's settings by a query of our own. */
  settled(): void {
    this.#add(at.settles, 1);
  }

  parsesInjected(count: number): void {
    this.#add(at.injectedParses, count);
  }

  statementsEvicted(count: number): void {
    this.#add(at.evictedStatements, count);
  }

  canceled(): void {
    this.#add(at.cancels, 1);
  }

  /** Whether a server was ever had: until then its labels are what a client has made up, for all that is known. */
  get hasReachedServer(): boolean {
    return (this.row[at.serversOpened] ?? 0) > 0;
  }

  /** How the gauges are brought up to this moment: the pool's own way. */
  measuredBy(measure: () => void): void {
    this.#measure = measure;
  }

  measured(): this {
    this.#measure();
    return this;
  }

  set(gauge: PoolGauge, value: number): void {
    this.row[gaugeAt(gauge)] = value;
  }

  /** The pool is gone; what was counted stays. */
  rest(): void {
    this.#measure = () => undefined;
    this.row.fill(0, 0, POOL_GAUGES.length);
  }

  /** A copy of the row when anything in it is new since the last call. */
  takeChange(): PoolRow | undefined {
    let changed = false;
    for (let i = 0; i < ROW_WIDTH && !changed; i++) changed = this.row[i] !== this.#sent[i];
    if (!changed) return undefined;
    this.#sent.set(this.row);
    return this.#sent.slice();
  }

  #add(column: number, amount: number): void {
    const { row } = this;
    row[column] = (row[column] ?? 0) + amount;
  }

  #observe(first: number, ms: number, bounds: readonly number[] = BOUNDS_MS): void {
    const { row } = this;
    let bucket = 0;
    while (bucket < bounds.length && ms > (bounds[bucket] ?? 0)) bucket += 1;
    row[first + bucket] = (row[first + bucket] ?? 0) + 1;
    row[first + HISTOGRAM_SUM] = (row[first + HISTOGRAM_SUM] ?? 0) + ms;
  }
}
