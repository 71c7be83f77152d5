import { SluiceError } from "@sluice/shared/errors";
import { background } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import type { PoolMode } from "@sluice/shared/tenant";
import { type Clock, Deadline, type Timer } from "@sluice/shared/time";
import type { ServerConnection } from "../server/index.js";
import { cleanUp } from "./clean-up.js";
import { CLEAN, type Lease, type LeaseState, type ReleaseReport } from "./lease.js";
import type { Permits } from "./permits.js";
import { CheckoutTimeout, PoolRetired } from "./pool-failure.js";
import type { PoolRules } from "./pool-rules.js";
import { WaitQueue } from "./wait-queue.js";

export interface PoolOptions {
  readonly name: string;
  readonly mode: PoolMode;
  readonly permits: Permits;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A server, logged in. */
  readonly connect: (deadline: Deadline) => Promise<ServerConnection>;
  /** Sends a cancel request for the server's running query, and waits until it is delivered. */
  readonly cancel: (server: ServerConnection, deadline: Deadline) => Promise<void>;
  readonly rules: PoolRules;
}

/** How long a server may take to become clean before it is closed instead. */
const CLEAN_UP_TIMEOUT_MS = 5000;
/** Lifetimes differ by up to a fifth, so that servers opened together do not end together. */
const LIFETIME_JITTER = 0.2;

interface Waiter {
  readonly resolve: (lease: Lease) => void;
  readonly reject: (error: SluiceError) => void;
}

/**
 * The servers of one (tenant, database, user, mode). Servers are used last-in first-out, so that the spare ones
 * grow old and go; waiters are served first-in first-out, and nobody is served before them.
 */
export class Pool {
  readonly #options: PoolOptions;
  readonly #waiting = new WaitQueue<Waiter>();
  readonly #idle: PooledServer[] = [];
  readonly #all = new Set<PooledServer>();
  #rules: PoolRules;
  #connecting = 0;
  #retired = false;
  #resumes: Timer | undefined;
  /** Sessions that use this pool. */
  clients = 0;
  /** Reported at the login of the last server; undefined until one was there. */
  parameters: ReadonlyMap<string, string> | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#rules = options.rules;
    this.#pauseIfTold();
  }

  get mode(): PoolMode {
    return this.#options.mode;
  }

  get retired(): boolean {
    return this.#retired;
  }

  get unused(): boolean {
    return this.clients === 0 && this.#all.size === 0 && this.#connecting === 0 && this.#waiting.length === 0;
  }

  get figures(): { idle: number; open: number; connecting: number; waiting: number; pinned: number } {
    let pinned = 0;
    for (const server of this.#all) if (server.state === "pinned") pinned += 1;
    return {
      idle: this.#idle.length,
      open: this.#all.size,
      connecting: this.#connecting,
      waiting: this.#waiting.length,
      pinned,
    };
  }

  /** A server that is at hand, without a promise: the usual case of a busy pool. */
  takeIdle(): Lease | undefined {
    if (this.#waiting.length > 0 || this.#resumes !== undefined) return undefined;
    for (;;) {
      const server = this.#idle.pop();
      if (server === undefined) return undefined;
      if (!server.server.idle) {
        this.#drop(server);
        continue;
      }
      server.state = "leased";
      return server;
    }
  }

  /**
   * A server, now or in turn.
   * @throws CheckoutTimeout, PoolRetired, or what went wrong with connecting when no server is left to wait for
   */
  checkout(timeoutMs: number, waiting?: (leave: (error: SluiceError) => void) => void): Promise<Lease> {
    if (this.#retired) return Promise.reject(new PoolRetired());
    const atHand = this.takeIdle();
    if (atHand !== undefined) return Promise.resolve(atHand);
    return new Promise((resolve, reject) => {
      // A pause is an operator's: its time does not count as the client's.
      const expireIn = (delayMs: number): Timer =>
        this.#options.clock.schedule(delayMs, () => {
          if (this.#resumes === undefined) leave(new CheckoutTimeout(timeoutMs, this.mode));
          else timer = expireIn(this.#pauseLeftMs + timeoutMs);
        });
      let timer = expireIn(timeoutMs);
      const waiter: Waiter = {
        resolve: (lease) => {
          timer.cancel();
          resolve(lease);
        },
        reject: (error) => {
          timer.cancel();
          reject(error);
        },
      };
      const leave = (error: SluiceError): void => {
        if (this.#waiting.leave(waiter)) waiter.reject(error);
      };
      this.#waiting.join(waiter);
      waiting?.(leave);
      this.#connectIfNeeded();
    });
  }

  /** Lives from now on by other rules. */
  follow(rules: PoolRules): void {
    this.#rules = rules;
    this.#options.permits.limit = rules.size;
    this.#pauseIfTold();
    while (this.#options.permits.exceeded) {
      const server = this.#idle.shift();
      if (server === undefined) break;
      this.#drop(server);
    }
    this.#connectIfNeeded();
  }

  /** No new checkouts; servers end as they come back. */
  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.#resumes?.cancel();
    for (const server of this.#idle.splice(0)) this.#drop(server);
    for (let waiter = this.#waiting.next(); waiter !== undefined; waiter = this.#waiting.next()) {
      waiter.reject(new PoolRetired());
    }
  }

  /** Retires and closes everything, leased servers too. */
  close(): void {
    this.retire();
    for (const server of [...this.#all]) this.#drop(server);
  }

  /** Closes servers that were idle for too long or have lived long enough, and opens those that are always kept. */
  reap(): void {
    const nowMs = this.#options.clock.monotonic();
    const { idleTimeoutMs, minSize } = this.#rules;
    const idleTooLong = (server: PooledServer): boolean =>
      idleTimeoutMs > 0 && this.#all.size > minSize && nowMs - server.idleSinceMs > idleTimeoutMs;
    for (let i = this.#idle.length - 1; i >= 0; i--) {
      const server = this.#idle[i];
      if (server === undefined) continue;
      if (idleTooLong(server) || nowMs > server.expiresAtMs) {
        this.#idle.splice(i, 1);
        this.#drop(server);
      }
    }
    const wanted = this.clients > 0 ? minSize : 0;
    while (this.#all.size + this.#connecting < wanted && this.#mayConnect()) this.#open();
  }

  /** @internal A lease ends. */
  takeBack(server: PooledServer, report: ReleaseReport): void {
    const { server: connection } = server;
    if (connection.closed) {
      this.#drop(server);
      return;
    }
    const clean = report.owed === 0 && !report.halfSent && connection.idle;
    const mustReset = this.mode === "session" || connection.soiled || this.#rules.reset === "always";
    if (clean && !mustReset && server.cancels === 0) {
      this.#handOn(server);
      return;
    }
    if (report.halfSent) {
      this.#drop(server);
      return;
    }
    server.state = "resetting";
    background(this.#options.logger, "clean-up of a server", this.#clean(server, report, mustReset));
  }

  /** @internal The last cancel request for this server has been delivered. */
  cancelsEnded(server: PooledServer): void {
    if (server.state === "canceling") this.takeBack(server, CLEAN);
  }

  /** @internal Over the way that the pool's servers are reached, also when the tenant has others by now. */
  cancel(server: ServerConnection, deadline: Deadline): Promise<void> {
    return this.#options.cancel(server, deadline);
  }

  /** @internal */
  now(): number {
    return this.#options.clock.monotonic();
  }

  async #clean(server: PooledServer, report: ReleaseReport, mustReset: boolean): Promise<void> {
    const deadline = Deadline.after(this.#options.clock, CLEAN_UP_TIMEOUT_MS);
    try {
      await cleanUp(server.server, report, mustReset, deadline, this.#options.cancel);
    } catch (error) {
      this.#options.logger.debug("a server did not become clean and is closed", {
        pool: this.#options.name,
        error,
      });
      this.#drop(server);
      return;
    }
    if (server.cancels > 0) server.state = "canceling";
    else this.#handOn(server);
  }

  /** To the next in turn, or to the idle ones. */
  #handOn(server: PooledServer): void {
    if (
      this.#retired ||
      // Behind a pause stands another server, or the same one restarted.
      this.#resumes !== undefined ||
      this.#options.permits.exceeded ||
      this.now() > server.expiresAtMs ||
      !server.server.idle
    ) {
      this.#drop(server);
      return;
    }
    const waiter = this.#waiting.next();
    if (waiter !== undefined) {
      server.state = "leased";
      waiter.resolve(server);
      return;
    }
    server.state = "idle";
    server.idleSinceMs = this.now();
    this.#idle.push(server);
    server.server.rest(() => this.#gone(server));
  }

  #connectIfNeeded(): void {
    while (this.#waiting.length > this.#connecting && this.#mayConnect()) this.#open();
  }

  /** Takes the permit, too. */
  #mayConnect(): boolean {
    return !this.#retired && this.#resumes === undefined && this.#options.permits.tryTake();
  }

  #open(): void {
    this.#connecting += 1;
    background(this.#options.logger, "connecting a server", this.#connect());
  }

  get #pauseLeftMs(): number {
    return this.#rules.pausedUntilMs - this.#options.clock.now();
  }

  #pauseIfTold(): void {
    this.#resumes?.cancel();
    this.#resumes = undefined;
    if (this.#pauseLeftMs <= 0 || this.#retired) return;
    this.#resumes = this.#options.clock.schedule(this.#pauseLeftMs, () => {
      this.#resumes = undefined;
      this.#connectIfNeeded();
    });
    for (const server of this.#idle.splice(0)) this.#drop(server);
  }

  async #connect(): Promise<void> {
    let connection: ServerConnection;
    try {
      connection = await this.#options.connect(
        Deadline.after(this.#options.clock, this.#rules.connectTimeoutMs),
      );
    } catch (thrown) {
      this.#connecting -= 1;
      this.#options.permits.giveBack();
      const error = SluiceError.from(thrown);
      this.#options.logger.warn("could not connect to a server", { pool: this.#options.name, error });
      // With servers in use the others still have something to wait for; with none, all hear it at once.
      if (this.#all.size === 0 && this.#connecting === 0) {
        for (let waiter = this.#waiting.next(); waiter !== undefined; waiter = this.#waiting.next())
          waiter.reject(error);
      } else {
        this.#waiting.next()?.reject(error);
      }
      return;
    }
    this.#connecting -= 1;
    this.parameters = connection.baseline;
    const jitter = 1 - LIFETIME_JITTER * Math.random();
    const { lifetimeMs } = this.#rules;
    const expiresAtMs = lifetimeMs === 0 ? Number.POSITIVE_INFINITY : this.now() + lifetimeMs * jitter;
    const server = new PooledServer(this, connection, expiresAtMs);
    this.#all.add(server);
    this.#handOn(server);
  }

  #gone(server: PooledServer): void {
    const at = this.#idle.indexOf(server);
    if (at !== -1) this.#idle.splice(at, 1);
    this.#drop(server);
  }

  #drop(server: PooledServer): void {
    if (!this.#all.delete(server)) return;
    server.state = "closed";
    server.server.close();
    this.#options.permits.giveBack();
    this.#connectIfNeeded();
  }
}

export class PooledServer implements Lease {
  readonly server: ServerConnection;
  readonly expiresAtMs: number;
  idleSinceMs = 0;
  cancels = 0;
  state: LeaseState = "resetting";
  readonly #pool: Pool;

  constructor(pool: Pool, server: ServerConnection, expiresAtMs: number) {
    this.#pool = pool;
    this.server = server;
    this.expiresAtMs = expiresAtMs;
  }

  pin(): void {
    this.state = "pinned";
    this.server.soiled = true;
  }

  release(report: ReleaseReport): void {
    if (this.state !== "leased" && this.state !== "pinned") return;
    this.#pool.takeBack(this, report);
  }

  beginCancel(): () => void {
    this.cancels += 1;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.cancels -= 1;
      if (this.cancels === 0) this.#pool.cancelsEnded(this);
    };
  }

  cancel(deadline: Deadline): Promise<void> {
    return this.#pool.cancel(this.server, deadline);
  }
}
