import { messageOf } from "../errors/index.js";
import type { Logger } from "../observability/index.js";
import type { Clock, Timer } from "../time/index.js";

export interface LookoutOptions {
  /** Reads what may have changed and puts it in force. @throws what cannot be used: what was before stays */
  readonly look: () => void;
  /** What the log says then. */
  readonly complaint: string;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Looks every so often at what changes without a word: files that are renewed. Not by `fs.watch`: mounted secrets change
 * by a link that is swapped. Between the writing of two files that belong together a failure is natural, so each
 * problem is told once, until a look succeeds.
 */
export class Lookout {
  readonly #options: LookoutOptions;
  #problem: string | undefined;
  #timer: Timer | undefined;

  constructor(options: LookoutOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, intervalMs } = this.#options;
    this.#timer = clock.schedule(intervalMs, () => {
      this.#look();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    const { look, complaint, logger } = this.#options;
    try {
      look();
      this.#problem = undefined;
    } catch (error) {
      const problem = messageOf(error);
      if (problem === this.#problem) return;
      this.#problem = problem;
      logger.error(complaint, { error });
    }
  }
}
