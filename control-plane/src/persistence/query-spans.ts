import { context, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { errorType } from "@sluice/shared/tracing";
import type {
  AfterQueryEvent,
  BeforeQueryEvent,
  DataSource,
  EntitySubscriberInterface,
  QueryRunner,
} from "typeorm";

/** Once it is initialized. */
export function traceQueries(dataSource: DataSource): void {
  dataSource.subscribers.push(new QuerySpans());
}

/**
 * A span for each statement that is part of some other span: what runs by itself, every second, is none. Neither texts
 * nor parameters: what was done to which table says enough.
 */
class QuerySpans implements EntitySubscriberInterface {
  /** A runner has one connection, and so one statement at a time. */
  readonly #open = new WeakMap<QueryRunner, Span>();

  beforeQuery({ queryRunner, query }: BeforeQueryEvent): void {
    if (queryRunner === undefined || trace.getActiveSpan()?.isRecording() !== true) return;
    const { operation, table } = summaryOf(query);
    const span = trace.getTracer("sluice").startSpan(
      table === undefined ? operation : `${operation} ${table}`,
      {
        kind: SpanKind.CLIENT,
        attributes: {
          "db.system.name": "postgresql",
          "db.operation.name": operation,
          ...(table === undefined ? {} : { "db.collection.name": table }),
        },
      },
      context.active(),
    );
    this.#open.set(queryRunner, span);
  }

  afterQuery({ queryRunner, success, error }: AfterQueryEvent): void {
    const span = queryRunner === undefined ? undefined : this.#open.get(queryRunner);
    if (span === undefined) return;
    this.#open.delete(queryRunner);
    if (!success) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      span.setAttribute("error.type", errorType(error));
    }
    span.end();
  }
}

/** The first word of a statement, and the first of our tables in it. */
export function summaryOf(query: string): { readonly operation: string; readonly table: string | undefined } {
  const operation = /^\s*([A-Za-z]+)/.exec(query)?.[1]?.toUpperCase() ?? "QUERY";
  const table = /\bsluice"?\."?([a-z_]+)/.exec(query)?.[1];
  return { operation, table };
}
