import { describe, expect, it } from "vitest";
import { Turns } from "./turns.js";

describe("turns", () => {
  it("let work of one name go one after the other, and work of another beside it", async () => {
    const turns = new Turns();
    const seen: string[] = [];
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const first = turns.take("a", async () => {
      seen.push("a1 begins");
      await gate;
      seen.push("a1 ends");
    });
    const second = turns.take("a", async () => seen.push("a2"));
    await turns.take("b", async () => seen.push("b"));
    expect(seen).toEqual(["a1 begins", "b"]);
    open();
    await Promise.all([first, second]);
    expect(seen).toEqual(["a1 begins", "b", "a1 ends", "a2"]);
  });

  it("go on after work that failed, and tell its failure to its own caller only", async () => {
    const turns = new Turns();
    const first = turns.take("a", () => Promise.reject(new Error("no")));
    const second = turns.take("a", async () => 2);
    await expect(first).rejects.toThrow("no");
    expect(await second).toBe(2);
  });
});
