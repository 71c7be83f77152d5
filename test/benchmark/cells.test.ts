import { describe, expect, it } from "vitest";
import { cell } from "./cells.js";
import type { Row } from "./measure.js";

describe("a cell", () => {
  it("that fails is a row that says why, and loses no other", async () => {
    const rows: Row[] = [];
    const notes: string[] = [];
    const note = (line: string): void => void notes.push(line);
    await cell(rows, "a", note, () => Promise.resolve({ tps: 1 }));
    await cell(rows, "b", note, () => Promise.reject(new Error("no | way\nand more")));
    await cell(rows, "c", note, () => Promise.resolve({ tps: 3 }));
    expect(rows).toEqual([
      { cell: "a", values: { tps: 1 } },
      { cell: "b", values: { failed: "no / way" } },
      { cell: "c", values: { tps: 3 } },
    ]);
    expect(notes).toHaveLength(3);
  });
});
