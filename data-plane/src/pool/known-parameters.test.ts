import { describe, expect, it } from "vitest";
import { KnownParameters } from "./known-parameters.js";

describe("KnownParameters", () => {
  it("remember what was reported under settings, up to 256 KiB of them", () => {
    const known = new KnownParameters();
    for (let i = 0; i < 10; i++) known.remember(`s${i}`, new Map([["search_path", "x".repeat(60_000)]]));
    const remembered = Array.from({ length: 10 }, (_, i) => known.underSettings(`s${i}`)).filter(Boolean);
    expect(remembered).toHaveLength(4);
    known.forget();
    known.remember("again", new Map([["search_path", "x".repeat(60_000)]]));
    expect(known.underSettings("again")).toBeDefined();
  });
});
