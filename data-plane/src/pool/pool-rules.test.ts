import { describe, expect, it } from "vitest";
import { sampleTenant } from "../tenants/sample-tenant.js";
import { poolRulesOf } from "./pool-rules.js";

describe("poolRulesOf", () => {
  it.each([
    [5, 3],
    [2, 3],
    [0, 4],
    [7, 1],
  ])("has workers keep %i servers together when there are %i of them", (minPoolSize, of) => {
    const tenant = sampleTenant({ minPoolSize, defaultPoolSize: 10 });
    const parts = Array.from(
      { length: of },
      (_, number) => poolRulesOf(tenant, "u", 1, { number, of }).minSize,
    );
    expect(parts.reduce((sum, part) => sum + part, 0)).toBe(minPoolSize);
  });

  it("keeps no more servers than the pool may have", () => {
    expect(poolRulesOf(sampleTenant({ minPoolSize: 9, defaultPoolSize: 4 }), "u").minSize).toBe(4);
  });
});
