export {
  createLogger,
  LOG_FORMATS,
  LOG_LEVELS,
  type LogFields,
  type Logger,
  type LoggerOptions,
  silentLogger,
} from "./logger.js";
export { redact, redactText } from "./redaction.js";
