import { ConfigurationError } from "@sluice/shared/config";
import { messageOf } from "@sluice/shared/errors";
import { Lifecycle } from "@sluice/shared/lifecycle";
import { changeLevelOnSignal, createLogger } from "@sluice/shared/observability";
import { compose } from "./compose.js";
import { readConfig } from "./config.js";

/** Of each part. Requests under way are answered within it. */
const STOP_TIMEOUT_MS = 4000;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const logger = createLogger({ plane: "control-plane", level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  changeLevelOnSignal(logger);
  const lifecycle = new Lifecycle(logger);
  lifecycle.stopOnSignals(STOP_TIMEOUT_MS);
  try {
    const ports = await compose(config, logger, lifecycle);
    logger.info("ready", { ports });
    process.send?.({ type: "ready", ports });
  } catch (error) {
    logger.error("cannot start", { error });
    await lifecycle.stop("it cannot start", STOP_TIMEOUT_MS);
    process.exit(1);
  }
}

main().catch((error: unknown) => {
  // In front of any logger: the operator reads this on a terminal, or in the unit's journal.
  process.stderr.write(
    error instanceof ConfigurationError
      ? `control plane: ${error.clientMessage}\n`
      : `control plane: ${messageOf(error)}\n`,
  );
  process.exit(error instanceof ConfigurationError ? 2 : 1);
});
