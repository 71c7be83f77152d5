import type { Logger } from "@sluice/shared/observability";
import { type Clock, Deadline } from "@sluice/shared/time";
import type { PooledServer } from "./pooled-server.js";

/** A server that was idle for longer is asked whether it is still there: a firewall may have dropped it without a word. */
const CHECK_AFTER_MS = 30_000;
const CHECK_TIMEOUT_MS = 2000;

export interface LivenessOptions {
  /** Of the pool. */
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Whether servers that were idle for long are still there. The answer is worth a round trip, a client's lost request is
 * not.
 */
export class Liveness {
  readonly #options: LivenessOptions;
  #underWay = 0;

  constructor(options: LivenessOptions) {
    this.#options = options;
  }

  /** How many are being asked. */
  get underWay(): number {
    return this.#underWay;
  }

  isDoubtful(server: PooledServer): boolean {
    return this.#options.clock.monotonic() - server.idleSinceMs > CHECK_AFTER_MS;
  }

  ask(server: PooledServer, outcome: (there: boolean) => void): void {
    const { name, clock, logger } = this.#options;
    this.#underWay += 1;
    server.server.ping(Deadline.after(clock, CHECK_TIMEOUT_MS)).then(
      () => {
        this.#underWay -= 1;
        outcome(true);
      },
      (error: unknown) => {
        this.#underWay -= 1;
        logger.info("an idle server was not there any more", { pool: name, error });
        outcome(false);
      },
    );
  }
}
