import { type Attributes, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Clock } from "@sluice/shared/time";
import { errorType } from "@sluice/shared/tracing";
import type { PoolMeter } from "./pool-meter.js";
import { gaugeOf } from "./pool-row.js";

/** In each second; when a database hangs every checkout is slow. */
const MOST_A_SECOND = 50;

/**
 * Spans of what took too long, begun when it is over: what is quick costs nothing. Beside the wait stands what the pool
 * looks like then.
 */
export class SlowSpans {
  /** In ms. */
  readonly slowMs: number;
  readonly #clock: Clock;
  #second = 0;
  #inSecond = 0;
  #leftOut = 0;

  constructor(slowMs: number, clock: Clock) {
    this.slowMs = slowMs;
    this.#clock = clock;
  }

  /** @param error why no server was had */
  checkout(meter: PoolMeter, tookMs: number, error?: unknown): void {
    this.#span("checkout", SpanKind.INTERNAL, meter, tookMs, error);
  }

  connect(meter: PoolMeter, tookMs: number, error?: unknown): void {
    this.#span("connect", SpanKind.CLIENT, meter, tookMs, error);
  }

  #span(name: string, kind: SpanKind, meter: PoolMeter, tookMs: number, error: unknown): void {
    if (!this.#mayWrite()) return;
    const { labels: pool, row } = meter.measured();
    const endedAtMs = this.#clock.now();
    const attributes: Attributes = {
      "db.system.name": "postgresql",
      "db.namespace": pool.database,
      "sluice.tenant": pool.tenant,
      "sluice.user": pool.user,
      "sluice.mode": pool.mode,
      "sluice.pool.limit": gaugeOf(row, "limit"),
      "sluice.pool.servers": gaugeOf(row, "servers"),
      "sluice.pool.leased": gaugeOf(row, "leased"),
      "sluice.pool.pinned": gaugeOf(row, "pinned"),
      "sluice.pool.waiting": gaugeOf(row, "waiting"),
    };
    if (this.#leftOut > 0) attributes["sluice.spans_left_out"] = this.#leftOut;
    this.#leftOut = 0;
    const span = trace
      .getTracer("sluice")
      .startSpan(name, { kind, attributes, startTime: endedAtMs - tookMs, root: true });
    if (error !== undefined) {
      span.setAttribute("error.type", errorType(error));
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end(endedAtMs);
  }

  #mayWrite(): boolean {
    const second = Math.floor(this.#clock.monotonic() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#inSecond = 0;
    }
    this.#inSecond += 1;
    if (this.#inSecond <= MOST_A_SECOND) return true;
    this.#leftOut += 1;
    return false;
  }
}
