import winston from "winston";
import { messageOf } from "../errors/index.js";
import { redact } from "./redaction.js";

export type LogFields = Readonly<Record<string, unknown>>;

/** What the rest of the code knows of logging. `error` fields are Errors; secrets are never passed. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  child(fields: LogFields): Logger;
}

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The least level that is written can be changed while it runs; its children follow. */
export interface LeveledLogger extends Logger {
  level: LogLevel;
}
export const LOG_FORMATS = ["json", "text"] as const;

export interface LoggerOptions {
  /** Written as `plane` on every line. */
  readonly plane: string;
  readonly level: LogLevel;
  readonly format: (typeof LOG_FORMATS)[number];
}

const errorsAsText = winston.format((info) => {
  const { error } = info;
  if (error instanceof Error) {
    info.error = messageOf(error);
    if ("code" in error && typeof error.code === "string") info.code = error.code;
    if (error.cause instanceof Error) info.cause = messageOf(error.cause);
  }
  return info;
});

const redacted = winston.format((info) => redact(info) as winston.Logform.TransformableInfo);

const textLine = winston.format.printf(({ timestamp, level, message, ...fields }) => {
  const rest = Object.entries(fields).map(
    ([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return `${timestamp} ${level} ${message}${rest.length > 0 ? ` ${rest.join(" ")}` : ""}`;
});

/** JSON lines, or text, on standard output. */
export function createLogger(options: LoggerOptions): LeveledLogger {
  const { combine, timestamp, json } = winston.format;
  const logger = winston.createLogger({
    level: options.level,
    defaultMeta: { plane: options.plane },
    format: combine(timestamp(), errorsAsText(), redacted(), options.format === "json" ? json() : textLine),
    transports: [new winston.transports.Console({ forceConsole: false })],
  });
  // Set by nobody else than through this type.
  return logger as typeof logger & { level: LogLevel };
}

/** For tests and for tools that report in another way. */
export const silentLogger: LeveledLogger = {
  level: "error",
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};
