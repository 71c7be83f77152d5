import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { contextOf } from "@sluice/shared/tracing";
import type { SettledAck } from "./fleet-store.js";

/** From the commit of a change to the answer of one data plane, in the trace of the change. Changes without one have none. */
export function traceAck(ack: SettledAck): void {
  if (ack.traceparent === null) return;
  const span = trace.getTracer("sluice").startSpan(
    ack.nackCode === null ? "ack" : "nack",
    {
      kind: SpanKind.CONSUMER,
      startTime: ack.committedAt,
      attributes: {
        "sluice.group": ack.group,
        "sluice.instance": ack.instance,
        "sluice.generation": Number(ack.generation),
      },
    },
    contextOf(ack.traceparent),
  );
  if (ack.nackCode !== null) {
    span.setStatus({ code: SpanStatusCode.ERROR });
    span.setAttribute("error.type", ack.nackCode);
  }
  span.end(new Date(ack.committedAt.getTime() + ack.commitToAckMs));
}
