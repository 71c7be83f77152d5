export type LogLevel = "trace" | "debug" | "info" | "warn" | "error";

/**
 * A line on stderr that Terraform takes into its own log with the right level. Its parser wants microseconds.
 * @param fields nothing secret
 */
export function log(level: LogLevel, text: string, fields: Readonly<Record<string, unknown>> = {}): void {
  const timestamp = new Date().toISOString().replace("Z", "000Z");
  const line = { "@level": level, "@message": text, "@module": "sluice", "@timestamp": timestamp, ...fields };
  process.stderr.write(`${JSON.stringify(line)}\n`);
}
