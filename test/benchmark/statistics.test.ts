import { describe, expect, it } from "vitest";
import { figureOf, median, percentile, ratioOf } from "./statistics.js";

describe("the figures of a benchmark", () => {
  it("have the middle value as their median, whatever order they came in", () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  it("have percentiles that are values which occurred", () => {
    const hundred = Float64Array.from({ length: 100 }, (_, at) => at + 1);
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 0.99)).toBe(99);
    expect(percentile(hundred, 1)).toBe(100);
    expect(percentile(Float64Array.of(7), 0.5)).toBe(7);
    expect(percentile([], 0.5)).toBeNaN();
  });

  it("are compared round by round, so that a slow minute does not make one look better", () => {
    // The second round was slow for both: the ratio of the medians would be another.
    expect(ratioOf([100, 10, 90], [200, 20, 180])).toEqual({ median: 0.5, least: 0.5, most: 0.5 });
    expect(figureOf([3, 1, 2])).toEqual({ median: 2, least: 1, most: 3 });
  });
});
