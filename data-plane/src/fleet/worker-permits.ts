import type { Clock, Timer } from "@sluice/shared/time";
import { poolName } from "../metrics/index.js";
import type { Permits, PermitUser, PoolKey } from "../pool/index.js";
import { type PermitWish, STARVING_MS } from "./permit-office.js";

export interface WorkerPermitsOptions {
  readonly clock: Clock;
  readonly ask: (pool: string, wish: PermitWish) => void;
  readonly giveBack: (pool: string, count: number) => void;
}

/** A worker that has a use for a permit keeps its only one at least so long. */
const KEPT_MS = 1000;
/** A wish is told again, with what has changed, sooner at first. */
const LONGEST_REPEAT_MS = 400;

/** A worker's permits: what the office in the primary has granted, by pool. While one is held nobody is asked. */
export class WorkerPermits {
  readonly #options: WorkerPermitsOptions;
  readonly #shares = new Map<string, Share>();

  constructor(options: WorkerPermitsOptions) {
    this.#options = options;
  }

  /** For one Pool; a pool that is retired and its successor have the same key, and share. */
  for(key: PoolKey): Permits {
    let user: PermitUser | undefined;
    let share: Share | undefined;
    const current = (): Share => {
      if (share === undefined || share.ended) share = this.#share(key);
      return share;
    };
    const attached = (): PermitUser => {
      if (user === undefined) throw new Error("permits without a pool");
      return user;
    };
    return {
      attach: (pool) => {
        user = pool;
      },
      tryTake: () => share?.tryTake(attached()) ?? false,
      giveBack: () => current().giveBack(attached()),
      closing: () => {
        const from = current();
        from.closing();
        return () => from.closed(attached());
      },
      ask: () => current().ask(attached()),
      yields: (wantedHere) => share?.yields(wantedHere) ?? false,
    };
  }

  granted(pool: string, count: number): void {
    const share = this.#shares.get(pool);
    if (share === undefined) this.#options.giveBack(pool, count);
    else share.granted(count);
  }

  recalled(pool: string, count: number, floor: number): void {
    this.#shares.get(pool)?.recalled(count, floor);
  }

  #share(key: PoolKey): Share {
    const name = poolName(key);
    const known = this.#shares.get(name);
    if (known !== undefined) return known;
    const share = new Share(name, this.#options, () => this.#shares.delete(name));
    this.#shares.set(name, share);
    return share;
  }
}

/** What one worker holds of one pool. Invariant: `held` is what was granted and not given back, `free` of it unused. */
class Share {
  readonly #name: string;
  readonly #options: WorkerPermitsOptions;
  readonly #onEnd: () => void;
  /** With what each has taken. */
  readonly #users = new Map<PermitUser, number>();
  #held = 0;
  #free = 0;
  /** Their servers are being closed. */
  #closing = 0;
  #heldSinceMs = 0;
  /** Recalled: so many, and those in demand only down to `floor`. */
  #due = 0;
  #floor = 0;
  /** The wish, as the office knows it. */
  #told = 0;
  #telling: Timer | undefined;
  #repeatMs = STARVING_MS;
  #ended = false;

  constructor(name: string, options: WorkerPermitsOptions, onEnd: () => void) {
    this.#name = name;
    this.#options = options;
    this.#onEnd = onEnd;
  }

  get ended(): boolean {
    return this.#ended;
  }

  tryTake(user: PermitUser): boolean {
    if (this.#free === 0) return false;
    this.#free -= 1;
    this.#users.set(user, (this.#users.get(user) ?? 0) + 1);
    return true;
  }

  giveBack(user: PermitUser): void {
    this.#users.set(user, (this.#users.get(user) ?? 1) - 1);
    this.#free += 1;
    if (this.#due > 0 || this.#wanted === 0) this.#return(1);
    // Whoever gave it back is most often who takes it next, in the same turn.
    else this.#tellIn(0);
  }

  closing(): void {
    this.#closing += 1;
  }

  closed(user: PermitUser): void {
    this.#closing -= 1;
    this.giveBack(user);
  }

  ask(user: PermitUser): void {
    if (!this.#users.has(user)) this.#users.set(user, 0);
    // A wish that is known to the office is told again by and by; one that has grown much, at once.
    if (this.#wanted >= Math.max(1, 2 * this.#told)) this.#tell();
  }

  granted(count: number): void {
    if (this.#held === 0) this.#heldSinceMs = this.#options.clock.monotonic();
    this.#held += count;
    this.#free += count;
    this.#told = Math.max(0, this.#told - count);
    this.#repeatMs = STARVING_MS;
    this.#offer();
  }

  recalled(count: number, floor: number): void {
    this.#due = Math.min(count, this.#held);
    this.#floor = floor;
    // Those that are being closed come back by themselves.
    if (this.#due > 0 && this.#free > 0) this.#return(Math.min(this.#due, this.#free));
    if (this.#due > 0) for (const user of [...this.#users.keys()]) user.yieldIdle();
  }

  yields(wantedHere: boolean): boolean {
    const left = this.#held - this.#closing;
    if (this.#due <= this.#closing || (wantedHere && left <= this.#floor)) return false;
    return left > 1 || this.#options.clock.monotonic() - this.#heldSinceMs >= KEPT_MS;
  }

  get #wanted(): number {
    let sum = 0;
    for (const user of this.#users.keys()) sum += user.usage.wanted;
    return sum;
  }

  /** To those who want; what is left goes back. */
  #offer(): void {
    for (const user of [...this.#users.keys()]) {
      if (this.#free === 0) return;
      if (user.usage.wanted > 0) user.permitAtHand();
    }
    if (this.#free > 0) this.#return(this.#free);
  }

  #return(count: number): void {
    this.#free -= count;
    this.#held -= count;
    this.#due = Math.max(0, this.#due - count);
    this.#options.giveBack(this.#name, count);
    this.#endIfUnused();
  }

  #tellIn(delayMs: number): void {
    this.#telling?.cancel();
    this.#telling = this.#options.clock.schedule(delayMs, () => {
      this.#telling = undefined;
      if (this.#free > 0) this.#offer();
      this.#tell();
    });
  }

  #tell(): void {
    let [wanted, waiting, longestWaitMs] = [0, 0, 0];
    for (const { usage } of this.#users.keys()) {
      wanted += usage.wanted;
      waiting += usage.waiting;
      longestWaitMs = Math.max(longestWaitMs, usage.longestWaitMs);
    }
    if (wanted === 0 && this.#told === 0) {
      this.#endIfUnused();
      return;
    }
    this.#told = wanted;
    if (wanted > 0) this.#tellIn(this.#repeatMs);
    this.#repeatMs = wanted > 0 ? Math.min(LONGEST_REPEAT_MS, this.#repeatMs * 2) : STARVING_MS;
    this.#options.ask(this.#name, { wanted, waiting, longestWaitMs });
    this.#endIfUnused();
  }

  #endIfUnused(): void {
    for (const [user, taken] of this.#users) {
      if (taken === 0 && user.usage.wanted === 0) this.#users.delete(user);
    }
    if (this.#ended || this.#held > 0 || this.#told > 0 || this.#telling !== undefined) return;
    if (this.#users.size > 0) return;
    this.#ended = true;
    this.#onEnd();
  }
}
