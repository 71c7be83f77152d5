import type { LogFields, Logger } from "@sluice/shared/observability";

export interface LogEntry {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger whose lines a test can ask for. */
export class RecordingLogger implements Logger {
  readonly entries: LogEntry[];
  readonly #fields: LogFields;

  constructor(entries: LogEntry[] = [], fields: LogFields = {}) {
    this.entries = entries;
    this.#fields = fields;
  }

  debug(message: string, fields: LogFields = {}): void {
    this.#add("debug", message, fields);
  }

  info(message: string, fields: LogFields = {}): void {
    this.#add("info", message, fields);
  }

  warn(message: string, fields: LogFields = {}): void {
    this.#add("warn", message, fields);
  }

  error(message: string, fields: LogFields = {}): void {
    this.#add("error", message, fields);
  }

  child(fields: LogFields): Logger {
    return new RecordingLogger(this.entries, { ...this.#fields, ...fields });
  }

  /** Entries with this message whose fields have these values. */
  find(message: string, fields: LogFields = {}): LogEntry | undefined {
    return this.entries.find(
      (entry) =>
        entry.message === message &&
        Object.entries(fields).every(([name, value]) => entry.fields[name] === value),
    );
  }

  count(message: string): number {
    return this.entries.filter((entry) => entry.message === message).length;
  }

  #add(level: LogEntry["level"], message: string, fields: LogFields): void {
    this.entries.push({ level, message, fields: { ...this.#fields, ...fields } });
  }
}
