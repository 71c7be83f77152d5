import type { SluiceError } from "@sluice/shared/errors";
import type { Logger } from "@sluice/shared/observability";
import type { PoolMode } from "@sluice/shared/tenant";
import type { Clock, Deadline } from "@sluice/shared/time";
import type { PoolMeter } from "../metrics/index.js";
import type { ServerConnection } from "../server/index.js";
import { CheckoutQueue } from "./checkout-queue.js";
import type { ConnectVerdict } from "./connect-verdict.js";
import type { KnownParameters } from "./known-parameters.js";
import type { Lease, LeaseState } from "./lease.js";
import { Liveness } from "./liveness.js";
import { OpenServers } from "./open-servers.js";
import { Opening } from "./opening.js";
import { toldAfterMs } from "./patience.js";
import { Pause } from "./pause.js";
import type { Permits, PermitUsage, PermitUser } from "./permits.js";
import { PoolRetired } from "./pool-failure.js";
import { type PoolFigures, tellFigures } from "./pool-figures.js";
import type { PoolRules } from "./pool-rules.js";
import { type Opened, PooledServer } from "./pooled-server.js";
import { Returns } from "./returns.js";
import type { Place, Waiter } from "./waiter.js";

export interface PoolOptions {
  readonly name: string;
  readonly mode: PoolMode;
  readonly permits: Permits;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A server, logged in; what it reports has been learnt into `known`. */
  readonly connect: (deadline: Deadline) => Promise<Opened>;
  readonly known: KnownParameters;
  readonly rules: PoolRules;
  readonly meter: PoolMeter;
  /** The database has no connection left: others who have some idle are asked for room. */
  readonly crowded?: () => void;
}

/** Lifetimes differ by up to a fifth, so that servers opened together do not end together. */
const LIFETIME_JITTER = 0.2;
/** How long a pool that nobody uses keeps in mind that its database does not answer. */
const AWAY_REMEMBERED_MS = 10_000;

/**
 * The servers of one (tenant, database, user, mode), and those who want one. Servers are used last-in first-out; waiters
 * are served first-in first-out, and nobody is served before them.
 *
 *                 idle, in doubt asked for a sign of life  \
 *   checkout  ->  new, as far as permits go                 >  leased  ->  back, made clean  ->  next in turn, or idle
 *                 back from somebody else, in turn         /
 */
export class Pool implements PermitUser {
  readonly #options: PoolOptions;
  readonly #queue: CheckoutQueue;
  readonly #pause: Pause;
  readonly #servers = new OpenServers();
  readonly #liveness: Liveness;
  readonly #returns: Returns;
  readonly #opening: Opening;
  #rules: PoolRules;
  #retired = false;
  /** Sessions that use this pool. */
  clients = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#rules = options.rules;
    this.#opening = new Opening({
      ...options,
      timeoutMs: () => this.#rules.connectTimeoutMs,
      opened: (opened, generation) => this.#opened(opened, generation),
      failed: (verdict, error) => this.#openingFailed(verdict, error),
      ended: () => {
        options.permits.giveBack();
        this.#dismissOverdue();
        this.#supply();
      },
      retry: () => this.#supply(),
    });
    this.#liveness = new Liveness(options);
    this.#returns = new Returns({
      ...options,
      reset: () => this.#rules.reset,
      clean: (server) => this.#handOn(server),
      lost: (server) => this.#drop(server),
    });
    this.#pause = new Pause(options.clock, () => this.#goOn());
    this.#queue = new CheckoutQueue({
      ...options,
      pause: this.#pause,
      coming: () => this.#coming,
      failure: () => this.failure,
    });
    options.permits.attach(this);
    options.meter.measuredBy(() => this.measure());
    this.#pause.until(options.rules.pausedUntilMs);
  }

  get name(): string {
    return this.#options.name;
  }

  get mode(): PoolMode {
    return this.#options.mode;
  }

  get known(): KnownParameters {
    return this.#options.known;
  }

  /** In ms: `pool_checkout_timeout` as it is now. */
  get checkoutTimeoutMs(): number {
    return this.#rules.checkoutTimeoutMs;
  }

  get retired(): boolean {
    return this.#retired;
  }

  get unused(): boolean {
    if (this.clients > 0 || this.#servers.size > 0 || this.#opening.underWay > 0 || this.#queue.length > 0)
      return false;
    // What it has found out about a database that is away is worth as much to the next.
    return (this.awayForMs ?? Number.POSITIVE_INFINITY) >= AWAY_REMEMBERED_MS;
  }

  /** Why no server can be opened, while none can and none is there. */
  get failure(): SluiceError | undefined {
    return this.#servers.size === 0 ? this.#opening.failure : undefined;
  }

  /** Ms since the database did not answer, while no server is there. */
  get awayForMs(): number | undefined {
    return this.#servers.size === 0 ? this.#opening.awayForMs : undefined;
  }

  get meter(): PoolMeter {
    return this.#options.meter;
  }

  /** What is there now, for the next report. */
  measure(): void {
    tellFigures(this.#options.meter, this.figures);
  }

  /** Whether one session more may keep its server. */
  get mayPin(): boolean {
    return this.#servers.states.keeping < this.#rules.maxPinned;
  }

  get figures(): PoolFigures {
    return {
      ...this.#servers.states,
      clients: this.clients,
      waiting: this.#queue.length,
      open: this.#servers.size,
      idle: this.#servers.idle,
      connecting: this.#opening.underWay,
      limit: this.#rules.size,
      longestWaitMs: this.#queue.longestWaitMs,
    };
  }

  get usage(): PermitUsage {
    return {
      wanted: this.#missing,
      waiting: this.#queue.length,
      longestWaitMs: this.#queue.longestWaitMs,
    };
  }

  permitAtHand(): void {
    this.#supply();
  }

  yieldIdle(): void {
    while (this.#options.permits.yields(false)) {
      const server = this.#servers.takeFirst();
      if (server === undefined) break;
      this.#drop(server);
    }
  }

  /** A server that is at hand, without a promise: the usual case of a busy pool. */
  takeIdle(): Lease | undefined {
    if (this.#queue.length > 0 || this.#pause.on) return undefined;
    for (;;) {
      const server = this.#servers.takeLast();
      if (server === undefined) return undefined;
      if (!server.server.idle) {
        this.#drop(server);
        continue;
      }
      if (this.#liveness.isDoubtful(server)) {
        this.#servers.rest(server);
        return undefined;
      }
      server.state = "leased";
      this.#options.meter.checkedOut(0);
      return server;
    }
  }

  /**
   * Into the queue, when `takeIdle` has found none. The time that it takes to open one for whoever asks does not count:
   * that is bounded by the rules' `connectTimeoutMs`. Refused by CheckoutTimeout, PoolRetired, or what went wrong with
   * connecting; `granted` may be called before this returns.
   */
  enter(waiter: Waiter, timeoutMs: number): Place {
    const place = this.#queue.join(waiter, timeoutMs);
    if (this.#retired) this.#queue.dismiss(() => new PoolRetired());
    else this.#supply();
    return place;
  }

  /**
   * A server, now or in turn, for those who can wait for a promise. `waiting` is given what leaves the queue with an error,
   * and says whether it did.
   * @throws what `enter` refuses by
   */
  checkout(timeoutMs: number, waiting?: (leave: (error: SluiceError) => boolean) => void): Promise<Lease> {
    const atHand = this.takeIdle();
    if (atHand !== undefined) return Promise.resolve(atHand);
    return new Promise((granted, refused) => {
      const place = this.enter({ granted, refused }, timeoutMs);
      waiting?.((error) => {
        const left = place.leave();
        if (left) refused(error);
        return left;
      });
    });
  }

  /** Lives from now on by other rules. */
  follow(rules: PoolRules): void {
    this.#rules = rules;
    if (!this.#retired) this.#pause.until(rules.pausedUntilMs);
    this.#restIfPaused();
    this.yieldIdle();
    this.#goOn();
  }

  /**
   * Servers that are open are not what is wanted any more: they leave as they come back, and others are opened.
   * @param elsewhere those are at another place
   */
  renew(elsewhere = false): void {
    this.#opening.renew();
    if (elsewhere) this.#servers.move();
    this.#dropAll(this.#servers.takeAll());
    this.#supply();
  }

  /** Where its servers are. */
  get addresses(): ReadonlySet<string> {
    return this.#servers.addresses;
  }

  /** Whether some are open that are where none is to be any more. */
  get hasMoved(): boolean {
    return this.#servers.anyMoved;
  }

  /** Servers at these addresses leave as they come back. */
  leave(addresses: ReadonlySet<string>): void {
    this.#servers.move(addresses);
    this.#dropAll(this.#servers.takeAll(({ moved }) => moved));
    this.#supply();
  }

  /** Closes the server that was idle for longest, if there is one: another pool has more use for its connection. */
  makeRoom(): boolean {
    const server = this.#queue.length === 0 ? this.#servers.takeFirst() : undefined;
    if (server !== undefined) this.#drop(server);
    return server !== undefined;
  }

  /** An operator at this data plane has ordered a pause, or ends it; what the tenant's record says counts as well. */
  hold(held: boolean): void {
    if (!this.#retired) this.#pause.hold(held);
    this.#restIfPaused();
    this.#goOn();
  }

  get servers(): Iterable<{ readonly server: ServerConnection; readonly state: LeaseState }> {
    return this.#servers;
  }

  /** No new checkouts; servers end as they come back. */
  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.#pause.cancel();
    this.#opening.stop();
    this.#dropAll(this.#servers.takeAll());
    this.#queue.dismiss(() => new PoolRetired());
  }

  /** Retires and closes everything, leased servers too. */
  close(): void {
    this.retire();
    this.#dropAll([...this.#servers]);
  }

  /** Closes servers that were idle for too long or have lived long enough, and opens those that are always kept. */
  reap(): void {
    const nowMs = this.#nowMs;
    const { idleTimeoutMs, minSize } = this.#rules;
    let open = this.#servers.size;
    const ends = (server: PooledServer): boolean => {
      const idleTooLong = idleTimeoutMs > 0 && open > minSize && nowMs - server.idleSinceMs > idleTimeoutMs;
      if (!idleTooLong && nowMs <= server.expiresAtMs) return false;
      open -= 1;
      return true;
    };
    this.#dropAll(this.#servers.takeAll(ends));
    this.#supply();
  }

  /** To the next in turn, or to the idle ones. */
  #handOn(server: PooledServer): void {
    const wanted = this.#queue.length > 0;
    const nowMs = this.#nowMs;
    if (
      this.#retired ||
      // Behind a pause stands another server, or the same one restarted.
      this.#pause.on ||
      server.generation !== this.#opening.generation ||
      server.moved ||
      this.#options.permits.yields(wanted) ||
      nowMs > server.expiresAtMs ||
      !server.server.idle
    ) {
      this.#drop(server);
      return;
    }
    if (wanted) {
      server.state = "leased";
      this.#queue.serve(server);
      return;
    }
    server.state = "idle";
    server.idleSinceMs = nowMs;
    this.#servers.rest(server);
    server.server.rest(() => this.#drop(server));
  }

  /** Behind a pause, if it is over: nobody waits on for what was on its way when it began. */
  #goOn(): void {
    this.#dismissOverdue();
    this.#supply();
  }

  /** Brings servers on their way: for those who wait, and those that are always kept. */
  #supply(): void {
    const { permits } = this.#options;
    while (!this.#pause.on && this.#queue.length > this.#coming) {
      const idle = this.#servers.takeLast();
      if (idle === undefined) break;
      this.#handOnIfThere(idle);
    }
    while (this.#missing > 0 && permits.tryTake()) this.#opening.begin();
    if (this.#missing > 0) permits.ask();
    if (!this.#retired && this.#queue.length > this.#coming) this.#opening.retryLater();
  }

  /** Servers on their way, each to one of those who wait. */
  get #coming(): number {
    return this.#opening.underWay + this.#liveness.underWay;
  }

  /** Servers that should be opened now. */
  get #missing(): number {
    if (this.#retired || this.#pause.on) return 0;
    const kept = this.clients > 0 ? this.#rules.minSize : 0;
    const forWaiters = this.#queue.length - this.#coming;
    const wanted = Math.max(0, forWaiters, kept - this.#servers.size - this.#opening.underWay);
    return Math.min(wanted, this.#opening.room);
  }

  #handOnIfThere(server: PooledServer): void {
    if (!server.server.idle) {
      this.#drop(server);
      return;
    }
    if (!this.#liveness.isDoubtful(server)) {
      this.#handOn(server);
      return;
    }
    server.state = "resetting";
    this.#liveness.ask(server, (there) => {
      if (there) this.#handOn(server);
      // What became of it became of the others that were as long without a word.
      else this.#dropAll([server, ...this.#servers.takeAll((idle) => this.#liveness.isDoubtful(idle))]);
      this.#dismissOverdue();
      this.#supply();
    });
  }

  #opened(opened: Opened, generation: number): void {
    const jitter = 1 - LIFETIME_JITTER * Math.random();
    const { lifetimeMs } = this.#rules;
    const expiresAtMs = lifetimeMs === 0 ? Number.POSITIVE_INFINITY : this.#nowMs + lifetimeMs * jitter;
    const server = new PooledServer(this.#returns, opened, expiresAtMs, generation);
    this.#servers.add(server);
    this.#handOn(server);
    this.#dismissOverdue();
    // The first one has found out for all that the way is open.
    this.#supply();
  }

  #openingFailed(verdict: ConnectVerdict, error: SluiceError): void {
    // For those who wait, not for the servers that are always kept.
    if (verdict === "crowded" && this.#queue.length > 0) this.#options.crowded?.();
    const anyOpen = this.#servers.size > 0;
    // With servers in use there is something to wait for; in session mode that may take hours.
    if (!anyOpen || this.mode === "session") {
      const toldMs = toldAfterMs(verdict, { anyOpen, wasThere: this.#options.known.base !== undefined });
      if (toldMs !== undefined) {
        const joinedBeforeMs = this.#nowMs - toldMs;
        this.#queue.dismiss((sinceMs) => (sinceMs <= joinedBeforeMs ? error : undefined));
      }
    }
    this.#dismissOverdue();
  }

  #dismissOverdue(): void {
    this.#queue.dismissOverdue(this.#rules.checkoutTimeoutMs, this.#opening.failure);
  }

  /** Behind a pause stands another server, or the same one restarted. */
  #restIfPaused(): void {
    if (this.#pause.on) this.#dropAll(this.#servers.takeAll());
  }

  get #nowMs(): number {
    return this.#options.clock.monotonic();
  }

  #dropAll(servers: readonly PooledServer[]): void {
    for (const server of servers) this.#drop(server);
  }

  #drop(server: PooledServer): void {
    if (!this.#servers.remove(server)) return;
    server.state = "closed";
    server.server.close();
    this.#options.meter.serverClosed();
    const giveBack = this.#options.permits.closing();
    this.#supply();
    server.server.whenGone(() => {
      giveBack();
      this.#supply();
    });
  }
}
