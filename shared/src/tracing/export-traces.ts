import { context, DiagLogLevel, diag, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { type Logger, SampledLog } from "../observability/index.js";
import { Deadline, systemClock, within } from "../time/index.js";
import type { TracedProcess, Tracing } from "./start-tracing.js";

const LAST_EXPORT_MS = 2000;
/** A collector that is away fails with every batch. */
const COMPLAINTS = { lines: 1, windowMs: 60_000 };

/** Loaded by startTracing alone. Exporter, batches and sampler read the rest of OTEL_* from the environment. */
export function exportTraces(process: TracedProcess, logger: Logger): Tracing {
  complainTo(logger);
  const resource = defaultResource()
    .merge(
      resourceFromAttributes({
        "service.name": process.service,
        "service.version": process.version,
        ...process.attributes,
      }),
    )
    .merge(detectResources({ detectors: [envDetector] }));
  const provider = new BasicTracerProvider({
    resource,
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  return {
    stop: () =>
      within(Deadline.after(systemClock, LAST_EXPORT_MS), "the last spans", provider.shutdown()).catch(() => {
        logger.warn("the last spans could not be sent");
      }),
  };
}

/** The library's own words go to our log: of one kind one line a minute. */
function complainTo(logger: Logger): void {
  const complaints = new SampledLog(logger, "traces", systemClock, COMPLAINTS);
  const say = (level: "warn" | "error") => (reason: string) => complaints.write(level, level, { reason });
  const silent = (): void => undefined;
  diag.setLogger(
    { error: say("error"), warn: say("warn"), info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}
