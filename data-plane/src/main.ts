import cluster from "node:cluster";
import { Socket } from "node:net";
import { ConfigurationError } from "@sluice/shared/config";
import { messageOf } from "@sluice/shared/errors";
import { background, Lifecycle } from "@sluice/shared/lifecycle";
import { createLogger } from "@sluice/shared/observability";
import { composePrimary, composeTracing, composeWorker, type ToWorker } from "./compose.js";
import { readConfig } from "./config.js";
import type { Batch } from "./fleet/index.js";

/** Beside the drain: the ports close, and clients read their last message. */
const STOP_MARGIN_MS = 6000;

/** One program for both: the primary starts it again for each worker. */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  const logger = createLogger({ plane: "data-plane", level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  const lifecycle = new Lifecycle(logger);
  const partTimeoutMs = Math.max(config.DRAIN_TIMEOUT_MS, config.DRAIN_DELAY_MS) + STOP_MARGIN_MS;
  if (cluster.isWorker) {
    lifecycle.stopWithParent(partTimeoutMs);
    const slow = await composeTracing(config, logger, lifecycle);
    const worker = composeWorker(config, logger, slow);
    const stop = (): void => {
      background(
        logger,
        "stopping",
        lifecycle.stop("told by the primary", partTimeoutMs).then(() => process.exit(0)),
      );
    };
    process.on("message", (batch: Batch<ToWorker>, handle: unknown) => {
      for (const message of batch) {
        if (message.kind === "log-level") logger.level = message.level;
        worker.received(message, stop, handle instanceof Socket ? handle : undefined);
      }
    });
    lifecycle.add({ name: "sessions", stop: () => worker.stop() });
    worker.start();
    return;
  }
  lifecycle.stopOnSignals(partTimeoutMs);
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
