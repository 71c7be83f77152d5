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
export const LOG_FORMATS = ["json", "text"] as const;

export interface LoggerOptions {
  /** Written as `plane` on every line. */
  readonly plane: string;
  readonly level: (typeof LOG_LEVELS)[number];
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
export function createLogger(options: LoggerOptions): Logger {
  const { combine, timestamp, json } = winston.format;
  return winston.createLogger({
    level: options.level,
    defaultMeta: { plane: options.plane },
    format: combine(timestamp(), errorsAsText(), redacted(), options.format === "json" ? json() : textLine),
    transports: [new winston.transports.Console({ forceConsole: false })],
  });
}

/** For tests and for tools that report in another way. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};
