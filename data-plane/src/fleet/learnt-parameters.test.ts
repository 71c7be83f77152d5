import { describe, expect, it } from "vitest";
import { LearntByTenant } from "./learnt-parameters.js";

const learnt = (tenant: string, database: string) => ({
  tenant,
  database,
  user: "u",
  baseline: new Map<string, string>(),
  identity: undefined,
});

describe("LearntByTenant", () => {
  it("keeps 200 of each tenant: those that were learnt last", () => {
    const all = new LearntByTenant();
    all.add(learnt("other", "d"));
    for (let i = 0; i < 200; i++) all.add(learnt("t", `d${i}`));
    all.add(learnt("t", "d0"));
    for (let i = 200; i < 300; i++) all.add(learnt("t", `d${i}`));
    const names = [...all.all()].map(({ tenant, database }) => `${tenant} ${database}`);
    expect(names).toHaveLength(201);
    expect(names).toContain("other d");
    expect(names).toContain("t d0");
    expect(names).not.toContain("t d1");
    expect(names.at(-1)).toBe("t d299");
  });
});
