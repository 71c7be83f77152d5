import { describe, expect, it } from "vitest";
import { currentPages, writtenPages } from "./document-files.js";

describe("the provider's documents", () => {
  const current = currentPages();

  it("are as the schema is now: npm run documents --workspace terraform/provider writes them", () => {
    expect([...writtenPages().keys()].sort()).toEqual([...current.keys()].sort());
    for (const [name, text] of writtenPages()) expect(text, name).toBe(current.get(name));
  });

  it("have an example on every page, and say how every resource is imported", () => {
    for (const [name, text] of current) {
      expect(text, name).toContain("## Example Usage");
      if (name.startsWith("resources/")) expect(text, name).toMatch(/terraform import sluice_\w+\.\w+ \S+/);
    }
  });

  it("describe every attribute in whole sentences", () => {
    for (const [name, text] of current) {
      for (const line of text.split("\n").filter((each) => each.startsWith("- `"))) {
        expect(line, name).toMatch(/^- `\w+` \([^)]+\) \S.*[.)]$/);
      }
    }
  });
});
