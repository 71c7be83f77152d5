import { messageOf } from "@sluice/shared/errors";
import { Lifecycle } from "@sluice/shared/lifecycle";
import { createLogger } from "@sluice/shared/observability";
import { compose } from "./compose.js";
import { readConfig } from "./config.js";

const STOP_TIMEOUT_MS = 8000;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const logger = createLogger({ plane: "control-plane", level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  const lifecycle = new Lifecycle(logger);
  lifecycle.stopOnSignals(STOP_TIMEOUT_MS);
  const ports = await compose(config, logger, lifecycle);
  logger.info("ready", { ports });
  process.send?.({ type: "ready", ports });
}

main().catch((error: unknown) => {
  console.error(messageOf(error));
  process.exit(1);
});
