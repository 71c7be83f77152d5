import type { Logger } from "../observability/index.js";

export interface TracingSettings {
  readonly OTEL_EXPORTER_OTLP_ENDPOINT: string | undefined;
  readonly OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: string | undefined;
  readonly OTEL_TRACES_EXPORTER: "otlp" | "none";
  readonly OTEL_SDK_DISABLED: boolean;
}

/** What a process says of itself; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win. */
export interface TracedProcess {
  readonly service: string;
  readonly version: string;
  readonly attributes?: Readonly<Record<string, string | number | undefined>>;
}

export interface Tracing {
  /** Spans that have ended are sent, for at most 2 s: a collector that is away holds nobody up. */
  stop(): Promise<void>;
}

/**
 * From now on spans go to a collector, by OTLP over HTTP, when the environment names one. Until then, and else,
 * OpenTelemetry's API does nothing; its library is loaded here only, so that who has no collector pays nothing for it.
 */
export async function startTracing(
  settings: TracingSettings,
  process: TracedProcess,
  logger: Logger,
): Promise<Tracing | undefined> {
  const named = settings.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? settings.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (named === undefined || settings.OTEL_SDK_DISABLED || settings.OTEL_TRACES_EXPORTER === "none") {
    return undefined;
  }
  const { exportTraces } = await import("./export-traces.js");
  return exportTraces(process, logger);
}
