import { describe, expect, it } from "vitest";
import { incompatibilityOf } from "./schema-skew.js";

describe("a data plane of another version", () => {
  it.each([
    ["one that reads just what is published", 2, 2],
    ["a newer one that still reads it", 2, 3],
    ["one from before there was an oldest schema", 0, 2],
  ])("%s is served", (_, minSchemaVersion, maxSchemaVersion) => {
    expect(incompatibilityOf({ minSchemaVersion, maxSchemaVersion }, 2)).toBeUndefined();
  });

  it("an older one is told to be upgraded, a newer one to wait for the control plane", () => {
    expect(incompatibilityOf({ minSchemaVersion: 0, maxSchemaVersion: 1 }, 2)).toMatch(
      /upgrade the data plane/,
    );
    expect(incompatibilityOf({ minSchemaVersion: 3, maxSchemaVersion: 4 }, 2)).toMatch(
      /upgrade the control plane/,
    );
  });
});
