export { errorType, inSpan, type SpanAttributes, type SpanOptions } from "./in-span.js";
export { startTracing, type Tracing, type TracingSettings } from "./start-tracing.js";
export { contextOf, ownTraceparent } from "./traceparent.js";
export { tracingVariables } from "./variables.js";
