import { describe, expect, it } from "vitest";
import { MarkSearch } from "./mark-search.js";

describe("MarkSearch", () => {
  it("finds the mark wherever its bytes are cut, and not before they are there", () => {
    const text = Buffer.from("something that has the mark in it");
    const end = text.indexOf("mark") + "mark".length;
    for (let size = 1; size <= text.length; size++) {
      const search = new MarkSearch("mark");
      for (let at = 0; at < text.length; at += size)
        expect(search.found(text.subarray(at, at + size)), `${size} ${at}`).toBe(
          Math.min(text.length, at + size) >= end,
        );
    }
  });
});
