import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { reportedMetrics } from "./reported-metrics.js";

describe("metrics in a report", () => {
  it("are the registry's, without those of the process; of a histogram the sum and the count", async () => {
    const registry = new Registry();
    const registers = [registry];
    new Gauge({ name: "sluice_clients", help: "Clients.", registers }).set(3);
    const joins = new Counter({ name: "sluice_joins", help: "Joins.", labelNames: ["tenant"], registers });
    joins.inc({ tenant: "a" }, 2);
    const labelNames = ["tenant"];
    const waits = new Histogram({
      name: "sluice_wait_ms",
      help: "Waits.",
      labelNames,
      buckets: [1],
      registers,
    });
    waits.observe({ tenant: "a" }, 5);
    new Gauge({ name: "process_open_fds", help: "x", registers }).set(1);
    const { families, labelSets } = await reportedMetrics(registry);
    expect(labelSets).toEqual([{}, { tenant: "a" }]);
    expect(families).toEqual([
      {
        name: "sluice_clients",
        help: "Clients.",
        type: "gauge",
        samples: [{ suffix: "", labelSet: 0, value: 3 }],
      },
      {
        name: "sluice_joins",
        help: "Joins.",
        type: "counter",
        samples: [{ suffix: "", labelSet: 1, value: 2 }],
      },
      {
        name: "sluice_wait_ms",
        help: "Waits.",
        type: "summary",
        samples: [
          { suffix: "_sum", labelSet: 1, value: 5 },
          { suffix: "_count", labelSet: 1, value: 1 },
        ],
      },
    ]);
  });
});
