import cluster from "node:cluster";
import { ConfigurationError } from "@sluice/shared/config";
import { messageOf } from "@sluice/shared/errors";
import { background, Lifecycle } from "@sluice/shared/lifecycle";
import { createLogger } from "@sluice/shared/observability";
import { composePrimary, composeWorker, type ToWorker } from "./compose.js";
import { readConfig } from "./config.js";

const STOP_MARGIN_MS = 2000;

/** One program for both: the primary starts it again as its worker. */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  const logger = createLogger({ plane: "data-plane", level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  const lifecycle = new Lifecycle(logger);
  lifecycle.stopOnSignals(config.DRAIN_TIMEOUT_MS + STOP_MARGIN_MS);
  if (cluster.isWorker) {
    const worker = composeWorker(config, logger, lifecycle);
    const stop = (): void => {
      background(
        logger,
        "stopping",
        lifecycle
          .stop("told by the primary", config.DRAIN_TIMEOUT_MS + STOP_MARGIN_MS)
          .then(() => process.exit(0)),
      );
    };
    process.on("message", (message: ToWorker) => worker.received(message, stop));
    lifecycle.add({ name: "sessions", stop: () => worker.stop() });
    await worker.start();
    return;
  }
  const ports = await composePrimary(config, logger, lifecycle);
  logger.info("ready", { ports });
  process.send?.({ type: "ready", ports });
}

main().catch((error: unknown) => {
  // In front of any logger: the operator reads this on a terminal, or in the unit's journal.
  const unusable = error instanceof ConfigurationError;
  process.stderr.write(`data plane: ${unusable ? error.clientMessage : messageOf(error)}\n`);
  process.exit(unusable ? 2 : 1);
});
