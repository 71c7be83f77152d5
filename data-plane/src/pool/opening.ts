import { SluiceError } from "@sluice/shared/errors";
import { background } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import { type Clock, Deadline, type Timer } from "@sluice/shared/time";
import type { PoolMeter } from "../metrics/index.js";
import { connectFailureOf } from "./connect-failure.js";
import type { ConnectVerdict } from "./connect-verdict.js";
import type { Opened } from "./pooled-server.js";
import { Reach } from "./reach.js";

export interface OpeningOptions {
  /** Of the pool. */
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: PoolMeter;
  readonly connect: (deadline: Deadline) => Promise<Opened>;
  readonly timeoutMs: () => number;
  /** A server is there; `generation` is that of when it was wanted. */
  readonly opened: (opened: Opened, generation: number) => void;
  /** What it means for those who wait. */
  readonly failed: (verdict: ConnectVerdict, error: SluiceError) => void;
  /** A connection that did not come about has ended. */
  readonly ended: () => void;
  /** It is time to try again. */
  readonly retry: () => void;
}

/** New servers of a pool: connections that are being opened, and what is known of the way to the database. */
export class Opening {
  readonly #options: OpeningOptions;
  readonly #reach: Reach;
  #underWay = 0;
  #generation = 0;
  #retry: Timer | undefined;

  constructor(options: OpeningOptions) {
    this.#options = options;
    this.#reach = new Reach(options.clock);
  }

  /** How many are being opened. */
  get underWay(): number {
    return this.#underWay;
  }

  /** How many more may be. */
  get room(): number {
    return this.#reach.roomBeside(this.#underWay);
  }

  /** Of the last attempt, while nothing better is known. */
  get failure(): SluiceError | undefined {
    return this.#reach.failure;
  }

  /** Ms since nobody answered last; undefined while the database is there. */
  get awayForMs(): number | undefined {
    return this.#reach.awayForMs;
  }

  /** Raised by `renew`: what was opened under an older one is not wanted any more. */
  get generation(): number {
    return this.#generation;
  }

  /** What is wanted is another server, or another way to it: what failed before says nothing any more. */
  renew(): void {
    this.#generation += 1;
    this.#reach.forget();
  }

  begin(): void {
    this.#underWay += 1;
    background(this.#options.logger, "connecting a server", this.#connect());
  }

  /** Somebody waits. While a probe is under way its outcome is told by itself. */
  retryLater(): void {
    if (this.#retry !== undefined || this.#reach.failure === undefined || this.#underWay > 0) return;
    this.#retry = this.#options.clock.schedule(this.#reach.nextInMs, () => {
      this.#retry = undefined;
      this.#options.retry();
    });
  }

  /** No more retries. */
  stop(): void {
    this.#retry?.cancel();
    this.#retry = undefined;
  }

  async #connect(): Promise<void> {
    const { clock, logger, meter, name, connect, timeoutMs } = this.#options;
    const generation = this.#generation;
    const begunAtMs = clock.monotonic();
    let opened: Opened;
    meter.connectBegun();
    try {
      opened = await connect(Deadline.after(clock, timeoutMs()));
    } catch (error) {
      meter.connectFailed(clock.monotonic() - begunAtMs, error, connectFailureOf(error));
      this.#underWay -= 1;
      // What failed was the way to servers that are not wanted any more.
      if (generation === this.#generation) this.#failed(SluiceError.from(error));
      this.#options.ended();
      return;
    }
    meter.connected(clock.monotonic() - begunAtMs);
    this.#underWay -= 1;
    if (generation === this.#generation) {
      if (this.#reach.failure !== undefined) logger.info("servers can be reached again", { pool: name });
      this.#reach.succeeded();
    }
    this.#options.opened(opened, generation);
  }

  #failed(error: SluiceError): void {
    const { logger, name } = this.#options;
    if (this.#reach.failure === undefined)
      logger.warn("could not connect to a server", { pool: name, error });
    else logger.debug("could still not connect to a server", { pool: name, error });
    this.#options.failed(this.#reach.failed(error), error);
  }
}
