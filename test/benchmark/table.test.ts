import { describe, expect, it } from "vitest";
import { markdownTable, table } from "./table.js";

const ROWS = [
  { cell: "c=1", values: { tps: 12_345.6, ratio: 0.987 } },
  { cell: "c=20", values: { tps: "too old", ratio: Number.NaN, "p99 ms": 31.94 } },
];

describe("the table of a benchmark", () => {
  it("has a column for every figure of any row, and says where there is none", () => {
    expect(table(ROWS).split("\n")).toEqual([
      "          tps  ratio  p99 ms",
      "c=1    12,346   0.99",
      "c=20  too old      -    31.9",
    ]);
  });

  it("is the same on a page", () => {
    expect(markdownTable(ROWS)).toBe(
      [
        "|  | tps | ratio | p99 ms |",
        "| --- | ---: | ---: | ---: |",
        "| c=1 | 12,346 | 0.99 |  |",
        "| c=20 | too old | - | 31.9 |",
      ].join("\n"),
    );
  });
});
