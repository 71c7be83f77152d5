import type { Clock } from "@sluice/shared/time";
import type { Permits, PermitUsage, PermitUser } from "./permits.js";
import { CheckoutTimeout } from "./pool-failure.js";
import { type Queued, WaitQueue } from "./wait-queue.js";

interface Waiter extends Queued<Waiter> {
  readonly taken: () => void;
  readonly sinceMs: number;
}

/**
 * The right to servers that belong to one session alone and to no pool (replication). The tenant's bound on servers
 * (`max_server_connections`) counts them.
 */
export class LoneServers implements PermitUser {
  readonly #permits: Permits;
  readonly #clock: Clock;
  readonly #waiting = new WaitQueue<Waiter>();

  constructor(permits: Permits, clock: Clock) {
    this.#permits = permits;
    this.#clock = clock;
    permits.attach(this);
  }

  get usage(): PermitUsage {
    const { first, length } = this.#waiting;
    const longestWaitMs = first === undefined ? 0 : this.#clock.monotonic() - first.sinceMs;
    return { wanted: length, waiting: length, longestWaitMs };
  }

  permitAtHand(): void {
    while (this.#waiting.length > 0 && this.#permits.tryTake()) this.#waiting.next()?.taken();
  }

  yieldIdle(): void {
    // Each is in use for as long as it is there.
  }

  /** @returns what gives it back, once. @throws CheckoutTimeout */
  async take(timeoutMs: number): Promise<() => void> {
    await new Promise<void>((resolve, reject) => {
      const timer = this.#clock.schedule(timeoutMs, () => {
        if (this.#waiting.leave(waiter)) reject(new CheckoutTimeout(timeoutMs, "session"));
      });
      const waiter: Waiter = {
        sinceMs: this.#clock.monotonic(),
        taken: () => {
          timer.cancel();
          resolve();
        },
        ...{ ahead: undefined, behind: undefined, queued: false },
      };
      this.#waiting.join(waiter);
      this.permitAtHand();
      if (this.#waiting.length > 0) this.#permits.ask();
    });
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.#permits.giveBack();
      this.permitAtHand();
    };
  }
}
