import type { SluiceError } from "@sluice/shared/errors";
import type { PoolMode } from "@sluice/shared/tenant";
import type { Clock, Timer } from "@sluice/shared/time";
import type { PoolMeter } from "../metrics/index.js";
import type { Lease } from "./lease.js";
import type { Pause } from "./pause.js";
import { CheckoutTimeout } from "./pool-failure.js";
import { type Queued, WaitQueue } from "./wait-queue.js";
import type { Place, Waiter } from "./waiter.js";

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

class Waiting implements Queued<Waiting>, Place {
  readonly waiter: Waiter;
  readonly sinceMs: number;
  readonly timeoutMs: number;
  deadlineMs: number;
  /** Its time is over; it stays because a server is on its way to it. */
  overdue = false;
  ahead: Waiting | undefined = undefined;
  behind: Waiting | undefined = undefined;
  queued = false;
  readonly #queue: WaitQueue<Waiting>;

  constructor(queue: WaitQueue<Waiting>, waiter: Waiter, sinceMs: number, timeoutMs: number) {
    this.#queue = queue;
    this.waiter = waiter;
    this.sinceMs = sinceMs;
    this.timeoutMs = timeoutMs;
    this.deadlineMs = sinceMs + timeoutMs;
  }

  leave(): boolean {
    return this.#queue.leave(this);
  }
}

/**
 * Those who wait for a server of one pool, each with its deadline. Served first-in first-out. Hot path of a pool with more
 * clients than servers: one object for each who waits, no promise, and one timer for all.
 */
export class CheckoutQueue {
  readonly #options: CheckoutQueueOptions;
  readonly #waiting = new WaitQueue<Waiting>();
  /** Looks for those whose time is over; it is not taken back when they are served. */
  #timer: Timer | undefined;
  #looksAtMs = 0;
  /** Who came first has to be served first: by far the usual case. */
  #sorted = true;
  #serving = false;

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

  /** Refused by CheckoutTimeout, or by why there is no server. */
  join(waiter: Waiter, timeoutMs: number): Place {
    const nowMs = this.#options.clock.monotonic();
    const place = new Waiting(this.#waiting, waiter, nowMs, timeoutMs);
    const { last } = this.#waiting;
    if (last === undefined) this.#sorted = true;
    else if (place.deadlineMs < last.deadlineMs) this.#sorted = false;
    this.#waiting.join(place);
    if (this.#timer === undefined || place.deadlineMs < this.#looksAtMs)
      this.#lookAt(place.deadlineMs, nowMs);
    return place;
  }

  /** To the next in turn. False when nobody waits. */
  serve(lease: Lease): boolean {
    const next = this.#waiting.next();
    if (next === undefined) return false;
    const { clock, meter } = this.#options;
    meter.checkedOut(clock.monotonic() - next.sinceMs);
    // Whoever gives it back at once would serve the next from inside, and that one the next.
    if (this.#serving) queueMicrotask(() => next.waiter.granted(lease));
    else {
      this.#serving = true;
      try {
        next.waiter.granted(lease);
      } finally {
        this.#serving = false;
      }
    }
    return true;
  }

  /** @param why with how long one has waited since; undefined: it stays */
  dismiss(why: (sinceMs: number) => SluiceError | undefined): void {
    this.#dismiss(({ sinceMs }) => why(sinceMs));
  }

  /** Those who were waiting only for what did not come. */
  dismissOverdue(timeoutMs: number, failure: SluiceError | undefined): void {
    const { pause, coming, mode } = this.#options;
    if (pause.on || this.#waiting.length === 0) return;
    const count = coming();
    this.#dismiss((place) =>
      place.overdue && !this.#waiting.isAmongFirst(count, place)
        ? (failure ?? new CheckoutTimeout(timeoutMs, mode))
        : undefined,
    );
  }

  #lookAt(deadlineMs: number, nowMs: number): void {
    this.#timer?.cancel();
    this.#looksAtMs = deadlineMs;
    this.#timer = this.#options.clock.schedule(deadlineMs - nowMs, () => {
      this.#timer = undefined;
      this.#look();
    });
  }

  #look(): void {
    const { clock, pause } = this.#options;
    const nowMs = clock.monotonic();
    let nextMs = Number.POSITIVE_INFINITY;
    let behind: Waiting | undefined;
    for (let place = this.#waiting.first; place !== undefined; place = behind) {
      behind = place.behind;
      if (place.overdue) continue;
      if (place.deadlineMs <= nowMs) {
        if (!pause.on) {
          this.#expire(place, nowMs);
          continue;
        }
        // A pause is an operator's: its time does not count as the client's.
        place.deadlineMs = nowMs + Math.min(pause.leftMs, place.timeoutMs) + place.timeoutMs;
        this.#sorted = false;
      }
      nextMs = Math.min(nextMs, place.deadlineMs);
      if (this.#sorted) break;
    }
    if (nextMs < Number.POSITIVE_INFINITY) this.#lookAt(nextMs, nowMs);
  }

  #expire(place: Waiting, nowMs: number): void {
    const { coming, failure, meter, mode } = this.#options;
    place.overdue = true;
    if (this.#waiting.isAmongFirst(coming(), place)) return;
    place.leave();
    const error = failure() ?? new CheckoutTimeout(place.timeoutMs, mode);
    meter.checkoutTimedOut(nowMs - place.sinceMs, error);
    refuse(place.waiter, error);
  }

  #dismiss(why: (place: Waiting) => SluiceError | undefined): void {
    for (const place of this.#waiting.all()) {
      const error = why(place);
      if (error === undefined) continue;
      place.leave();
      refuse(place.waiter, error);
    }
  }
}

/** It may ask for another pool at once, which is not to happen in the middle of what this one does. */
function refuse(waiter: Waiter, error: SluiceError): void {
  queueMicrotask(() => waiter.refused(error));
}
