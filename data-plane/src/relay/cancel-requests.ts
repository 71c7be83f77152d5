import { background } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import { type Clock, Deadline } from "@sluice/shared/time";
import type { PoolMeter } from "../metrics/index.js";
import type { Lease } from "../pool/index.js";
import { ServerGone } from "../server/index.js";

export interface CancelRequestsOptions {
  readonly meter: PoolMeter;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How long a cancel request may take to be delivered. */
export const CANCEL_TIMEOUT_MS = 10_000;
/** Each is a connection to the server, for as long as that takes: a client that asks again and again gets no more. */
export const MOST_CANCELS = 3;

/** The cancel requests of one client, on their way to the server in its hand. Most clients never send one. */
export class CancelRequests {
  readonly #options: CancelRequestsOptions;
  #underWay = 0;
  /** One came while our own query ran, in front of the client's. */
  wanted = false;

  constructor(options: CancelRequestsOptions) {
    this.#options = options;
  }

  send(lease: Lease): void {
    this.wanted = false;
    // They mean what runs now, and so do those that are under way.
    if (this.#underWay >= MOST_CANCELS) return;
    const { meter, clock, logger } = this.#options;
    this.#underWay += 1;
    meter.canceled();
    const delivered = lease.beginCancel();
    const done = (): void => {
      this.#underWay -= 1;
      delivered();
    };
    background(
      logger,
      "cancel request",
      lease.cancel(Deadline.after(clock, CANCEL_TIMEOUT_MS)).then(done, (error: unknown) => {
        // Nobody knows whether the signal still comes: the server must not reach another client.
        lease.server.fail(new ServerGone("a cancel request was not delivered"));
        done();
        throw error;
      }),
    );
  }

  /** Whether one was wanted; it is not any more. */
  takeWanted(): boolean {
    const { wanted } = this;
    this.wanted = false;
    return wanted;
  }
}
