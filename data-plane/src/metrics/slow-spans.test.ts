import { type Attributes, type SpanOptions, trace } from "@opentelemetry/api";
import { FakeClock } from "@sluice/shared/time";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PoolMeter } from "./pool-meter.js";
import { SlowSpans } from "./slow-spans.js";

/** What is asked of OpenTelemetry's interface; its exports are read in test/end-to-end/traces.test.ts. */
class Asked {
  readonly spans: { name: string; attributes: Attributes }[] = [];

  getTracer() {
    return {
      startSpan: (name: string, { attributes = {} }: SpanOptions) => {
        const span = { name, attributes: { ...attributes } };
        this.spans.push(span);
        return {
          setAttribute: (key: string, value: string) => {
            span.attributes[key] = value;
          },
          setStatus: () => undefined,
          end: () => undefined,
        };
      },
    };
  }
}

describe("spans of what was slow", () => {
  const clock = new FakeClock();
  let asked: Asked;
  let meter: PoolMeter;

  beforeEach(() => {
    asked = new Asked();
    trace.setGlobalTracerProvider(asked as unknown as Parameters<typeof trace.setGlobalTracerProvider>[0]);
    const labels = { tenant: "t", database: "d", user: "u", mode: "transaction" } as const;
    meter = new PoolMeter(labels, new SlowSpans(100, clock));
  });
  afterEach(() => trace.disable());

  it("are made from the bound on, and of every failure", () => {
    meter.checkedOut(99.9);
    meter.connected(99.9);
    expect(asked.spans).toEqual([]);
    meter.checkedOut(100);
    meter.connected(100);
    meter.connectFailed(1, Object.assign(new Error("with a secret"), { code: "ECONN" }), "unreachable");
    meter.checkoutTimedOut(1, new TypeError("with a secret"));
    expect(asked.spans.map(({ name }) => name)).toEqual(["checkout", "connect", "connect", "checkout"]);
    expect(asked.spans.map(({ attributes }) => attributes["error.type"])).toEqual([
      undefined,
      undefined,
      "ECONN",
      "TypeError",
    ]);
    expect(JSON.stringify(asked.spans)).not.toContain("secret");
  });

  it("are fifty a second at most, and say how many were left out", () => {
    clock.advance(1000);
    for (let i = 0; i < 80; i += 1) meter.checkedOut(200);
    expect(asked.spans).toHaveLength(50);
    clock.advance(1000);
    meter.checkedOut(200);
    expect(asked.spans.at(-1)?.attributes["sluice.spans_left_out"]).toBe(30);
    meter.checkedOut(200);
    expect(asked.spans.at(-1)?.attributes["sluice.spans_left_out"]).toBeUndefined();
  });
});
