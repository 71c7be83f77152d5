import type { SluiceError } from "@sluice/shared/errors";
import type { PoolMode } from "@sluice/shared/tenant";
import type { Clock, Timer } from "@sluice/shared/time";
import type { PoolMeter } from "../metrics/index.js";
import type { Lease } from "./lease.js";
import type { Pause } from "./pause.js";
import { CheckoutTimeout } from "./pool-failure.js";
import { WaitQueue } from "./wait-queue.js";

interface Waiter {
  readonly resolve: (lease: Lease) => void;
  readonly reject: (error: SluiceError) => void;
  readonly sinceMs: number;
  /** Its time is over; it stays because a server is on its way to it. */
  overdue: boolean;
}

export interface CheckoutQueueOptions {
  readonly clock: Clock;
  readonly mode: PoolMode;
  readonly meter: PoolMeter;
  readonly pause: Pause;
  /** Servers that are on their way, each to one of those who wait. */
  readonly coming: () => number;
  /** Why there is none, where that says more than that time is over. */
  readonly failure: () => SluiceError | undefined;
}

/** Those who wait for a server of one pool, each with its deadline. Served first-in first-out. */
export class CheckoutQueue {
  readonly #options: CheckoutQueueOptions;
  readonly #waiting = new WaitQueue<Waiter>();

  constructor(options: CheckoutQueueOptions) {
    this.#options = options;
  }

  get length(): number {
    return this.#waiting.length;
  }

  get longestWaitMs(): number {
    const { first } = this.#waiting;
    return first === undefined ? 0 : this.#options.clock.monotonic() - first.sinceMs;
  }

  /**
   * @param waiting is given what leaves the queue with an error, and says whether it did
   * @throws CheckoutTimeout, or why there is no server
   */
  join(timeoutMs: number, waiting?: (leave: (error: SluiceError) => boolean) => void): Promise<Lease> {
    const { clock, meter, pause } = this.#options;
    return new Promise((resolve, reject) => {
      // A pause is an operator's: its time does not count as the client's.
      const expireIn = (delayMs: number): Timer =>
        clock.schedule(delayMs, () => {
          if (!pause.on) this.#expire(waiter, timeoutMs);
          else timer = expireIn(Math.min(pause.leftMs, timeoutMs) + timeoutMs);
        });
      let timer = expireIn(timeoutMs);
      const sinceMs = clock.monotonic();
      const waiter: Waiter = {
        resolve: (lease) => {
          timer.cancel();
          meter.checkedOut(clock.monotonic() - sinceMs);
          resolve(lease);
        },
        reject: (error) => {
          timer.cancel();
          reject(error);
        },
        sinceMs,
        overdue: false,
      };
      this.#waiting.join(waiter);
      waiting?.((error) => {
        const left = this.#waiting.leave(waiter);
        if (left) waiter.reject(error);
        return left;
      });
    });
  }

  /** To the next in turn. False when nobody waits. */
  serve(lease: Lease): boolean {
    const next = this.#waiting.next();
    next?.resolve(lease);
    return next !== undefined;
  }

  /** @param why with how long one has waited since; undefined: it stays */
  dismiss(why: (sinceMs: number) => SluiceError | undefined): void {
    this.#dismiss(({ sinceMs }) => why(sinceMs));
  }

  /** Those who were waiting only for what did not come. */
  dismissOverdue(timeoutMs: number, failure: SluiceError | undefined): void {
    const { pause, coming, mode } = this.#options;
    if (pause.on) return;
    const count = coming();
    this.#dismiss((waiter) =>
      waiter.overdue && !this.#waiting.isAmongFirst(count, waiter)
        ? (failure ?? new CheckoutTimeout(timeoutMs, mode))
        : undefined,
    );
  }

  #expire(waiter: Waiter, timeoutMs: number): void {
    const { clock, coming, failure, meter, mode } = this.#options;
    waiter.overdue = true;
    if (this.#waiting.isAmongFirst(coming(), waiter)) return;
    if (!this.#waiting.leave(waiter)) return;
    const error = failure() ?? new CheckoutTimeout(timeoutMs, mode);
    meter.checkoutTimedOut(clock.monotonic() - waiter.sinceMs, error);
    waiter.reject(error);
  }

  #dismiss(why: (waiter: Waiter) => SluiceError | undefined): void {
    for (const waiter of this.#waiting.all()) {
      const error = why(waiter);
      if (error === undefined) continue;
      this.#waiting.leave(waiter);
      waiter.reject(error);
    }
  }
}
