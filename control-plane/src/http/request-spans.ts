import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { RequestHandler } from "express";

/**
 * A span for each request, child of the caller's (`traceparent`); what the request causes becomes its children. Routes,
 * no paths and no queries: those are the tenants' own.
 */
export function requestSpans(): RequestHandler {
  const tracer = trace.getTracer("sluice");
  return (request, response, next) => {
    const caller = propagation.extract(context.active(), request.headers);
    const span = tracer.startSpan(
      request.method,
      {
        kind: SpanKind.SERVER,
        attributes: {
          "http.request.method": request.method,
          "url.scheme": request.protocol,
          "network.protocol.version": request.httpVersion,
          "sluice.request_id": response.locals.requestId,
        },
      },
      caller,
    );
    if (span.isRecording()) {
      response.locals.traceId = span.spanContext().traceId;
      response.once("close", () => {
        const route: unknown = request.route?.path;
        const { statusCode } = response;
        if (typeof route === "string") {
          span.updateName(`${request.method} ${route}`);
          span.setAttribute("http.route", route);
        }
        span.setAttribute("http.response.status_code", statusCode);
        if (statusCode >= 500) {
          span.setAttribute("error.type", String(statusCode));
          span.setStatus({ code: SpanStatusCode.ERROR });
        }
        span.end();
      });
    }
    context.with(trace.setSpan(caller, span), next);
  };
}
