import { background } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import type { PoolMode } from "@sluice/shared/tenant";
import { type Clock, Deadline } from "@sluice/shared/time";
import type { PoolMeter } from "../metrics/index.js";
import { cleanUp } from "./clean-up.js";
import { CLEAN, type ReleaseReport } from "./lease.js";
import type { PoolRules } from "./pool-rules.js";
import type { Home, PooledServer } from "./pooled-server.js";

/** How long a server may take to become clean before it is closed instead. */
const CLEAN_UP_TIMEOUT_MS = 5000;

export interface ReturnsOptions {
  /** Of the pool. */
  readonly name: string;
  readonly mode: PoolMode;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: PoolMeter;
  readonly reset: () => PoolRules["reset"];
  /** It is fit for the next. */
  readonly clean: (server: PooledServer) => void;
  /** It never will be. */
  readonly lost: (server: PooledServer) => void;
}

/**
 * Servers that come back from a session: each is made clean, waits for the cancel requests that are on their way, or is
 * lost.
 */
export class Returns implements Home {
  readonly #options: ReturnsOptions;

  constructor(options: ReturnsOptions) {
    this.#options = options;
  }

  get meter(): PoolMeter {
    return this.#options.meter;
  }

  takeBack(server: PooledServer, report: ReleaseReport): void {
    const { mode, reset, clean, lost, logger } = this.#options;
    const { server: connection } = server;
    connection.letGo();
    if (connection.closed || connection.spoiled || report.halfSent) {
      lost(server);
      return;
    }
    const isClean = report.owed === 0 && report.uncertain !== true && connection.idle;
    const mustReset = mode === "session" || connection.soiled || reset() === "always";
    if (isClean && !mustReset && server.cancels === 0) {
      clean(server);
      return;
    }
    server.state = "resetting";
    background(logger, "clean-up of a server", this.#cleanUp(server, report, mustReset));
  }

  cancelsEnded(server: PooledServer): void {
    if (server.state === "canceling") this.takeBack(server, CLEAN);
  }

  async #cleanUp(server: PooledServer, report: ReleaseReport, mustReset: boolean): Promise<void> {
    const { name, clock, logger, meter, clean, lost } = this.#options;
    try {
      await cleanUp(server, report, mustReset, Deadline.after(clock, CLEAN_UP_TIMEOUT_MS));
    } catch (error) {
      logger.debug("a server did not become clean and is closed", { pool: name, error });
      meter.serverReset(false);
      lost(server);
      return;
    }
    meter.serverReset(true);
    if (server.cancels > 0) server.state = "canceling";
    else clean(server);
  }
}
