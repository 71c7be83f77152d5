import { describe, expect, it } from "vitest";
import { asksForReplication } from "./replication.js";

describe("the startup parameter replication", () => {
  it.each(["database", "true", "t", "TRUE", "tr", "yes", "y", "on", "1"])("asks for it by %s", (value) => {
    expect(asksForReplication(value)).toBe(true);
  });

  it.each([
    undefined,
    "false",
    "f",
    "fa",
    "FALSE",
    "no",
    "n",
    "off",
    "of",
    "0",
  ])("does not by %s", (value) => {
    expect(asksForReplication(value)).toBe(false);
  });

  it.each(["", "o", "2", "falsey", "Database", "databases", "01", "on "])("is refused as %j", (value) => {
    expect(() => asksForReplication(value)).toThrow("replication");
  });
});
