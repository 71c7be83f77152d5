export { changeLevelOnSignal } from "./level-signal.js";
export {
  createLogger,
  type LeveledLogger,
  LOG_FORMATS,
  LOG_LEVELS,
  type LogFields,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  silentLogger,
} from "./logger.js";
export { redact, redactText } from "./redaction.js";
export { SampledLog, type SampleRules } from "./sampled-log.js";
