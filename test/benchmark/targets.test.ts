import { describe, expect, it } from "vitest";
import type { Result, Row } from "./measure.js";
import { shortfallsOf } from "./targets.js";

function result(benchmark: string, rows: readonly Row[]): Result {
  const machine = {
    ...{ processors: 2, model: "", memoryGiB: 1, kernel: "", node: "", pgbench: "" },
    ...{ pgbouncer: undefined, pinned: true, loadBefore: 0 },
  };
  return { benchmark, what: "", at: "", commit: "", machine, rows, rounds: {} };
}

describe("cells short of their target", () => {
  it("are named with what stands in the way, by the bound of their own row", () => {
    const rows = [
      { cell: "simple c=20", values: { "tps ratio": 0.91, "CPU ratio": 1.49 } },
      { cell: "simple c=100", values: { "tps ratio": 0.91, "CPU ratio": 1.49 } },
      { cell: "simple TLS c=100", values: { "tps ratio": 1, "CPU ratio": 1.44 } },
      { cell: "prepared c=20", values: { "tps ratio": "too old", "CPU ratio": "too old" } },
    ];
    const found = shortfallsOf([result("throughput", rows)]);
    expect(found.map(({ cell, column, target }) => [cell, column, target])).toEqual([
      ["simple c=100", "tps ratio", "at least 0.95"],
      ["simple c=100", "CPU ratio", "at most 1.25"],
    ]);
    expect(found.every(({ because }) => because !== "")).toBe(true);
  });

  it("are ours, and not those beside us", () => {
    const rows = [
      { cell: "sluice, 15,000 clients", values: { "KB each": 11 } },
      { cell: "bare node:net, 15,000 clients", values: { "KB each": 4.3 } },
      { cell: "sluice TLS, 15,000 clients", values: { "KB each": 35 } },
    ];
    expect(shortfallsOf([result("idle-clients", rows)]).map(({ cell }) => cell)).toEqual([
      "sluice, 15,000 clients",
    ]);
  });
});
