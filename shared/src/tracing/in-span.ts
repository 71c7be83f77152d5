import { type Context, context, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";

export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface SpanOptions {
  readonly kind?: SpanKind;
  readonly attributes?: SpanAttributes;
  /** Default: child of the span under way. */
  readonly parent?: Context;
}

/**
 * Runs `work` inside a span. A failure is told by its kind only (`error.type`): messages may quote what is secret.
 * Without tracing it costs a call.
 */
export async function inSpan<T>(
  name: string,
  { kind = SpanKind.INTERNAL, attributes = {}, parent = context.active() }: SpanOptions,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const span = trace.getTracer("sluice").startSpan(name, { kind, attributes: { ...attributes } }, parent);
  try {
    return await context.with(trace.setSpan(parent, span), work, undefined, span);
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR });
    span.setAttribute("error.type", errorType(error));
    throw error;
  } finally {
    span.end();
  }
}

/** The code of an error (ours, or a SQLSTATE), or the name of its class. */
export function errorType(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}
