import type { LogFields, Logger } from "@sluice/shared/observability";

/** Every line as a sink would get it before redaction: what is secret must not come even this far. */
export class RecordedLog implements Logger {
  readonly lines: string[] = [];

  debug(message: string, fields?: LogFields): void {
    this.#write("debug", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#write("info", message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#write("warn", message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#write("error", message, fields);
  }

  child(): Logger {
    return this;
  }

  get text(): string {
    return this.lines.join("\n");
  }

  #write(level: string, message: string, fields: LogFields = {}): void {
    const shown = Object.entries(fields).map(([name, value]) => `${name}=${show(value)}`);
    this.lines.push([level, message, ...shown].join(" "));
  }
}

function show(value: unknown): string {
  if (value instanceof Error) {
    return `${value.stack ?? value.message} ${value.cause === undefined ? "" : show(value.cause)}`;
  }
  return typeof value === "string" ? value : String(JSON.stringify(value));
}
