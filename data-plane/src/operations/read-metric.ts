import type { Metric, Registry } from "prom-client";

export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** When it is not the metric's own: `_bucket`, `_sum`, `_count`. */
  readonly metricName?: string;
}

export interface ReadMetricOptions {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly read: () => readonly Sample[];
}

/**
 * A metric whose figures are kept elsewhere and read when somebody asks. prom-client's own kinds count by themselves,
 * in this process, and cannot be given a histogram that others have counted.
 */
export function readMetric(registry: Registry, options: ReadMetricOptions): void {
  const { name, help, type, read } = options;
  const metric = {
    name,
    help,
    type,
    aggregator: "sum",
    get: () => Promise.resolve({ name, help, type, aggregator: "sum", values: read() }),
    reset: () => undefined,
  };
  // All that the registry asks of a metric; its type lists prom-client's classes.
  registry.registerMetric(metric as unknown as Metric);
}
