import { type Context, context, propagation, ROOT_CONTEXT } from "@opentelemetry/api";

/** What stands for the span under way, as in a W3C `traceparent` header; null without one, or without tracing. */
export function ownTraceparent(): string | null {
  const carrier: { traceparent?: string } = {};
  propagation.inject(context.active(), carrier);
  return carrier.traceparent ?? null;
}

/** For spans that are children of what a `traceparent` stands for; without one, or with a bad one, they begin a trace. */
export function contextOf(traceparent: string | null | undefined): Context {
  return typeof traceparent === "string" ? propagation.extract(ROOT_CONTEXT, { traceparent }) : ROOT_CONTEXT;
}
