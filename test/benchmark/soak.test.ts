import { describe, expect, it } from "vitest";
import { judge } from "./soak.js";

const rests = (memoryMiB: (round: number) => number, files: (round: number) => number, mostServers = 20) =>
  Array.from({ length: 30 }, (_, at) => ({
    ...{ round: at + 1, minutes: at, mostServers },
    ...{ memoryMiB: memoryMiB(at), files: files(at) },
  }));

describe("a soak", () => {
  it("is content while memory and files come back to what they were, whatever the first rounds needed", () => {
    expect(
      judge(
        rests(
          (at) => (at < 3 ? 50 : 100 + (at % 4) * 3),
          () => 80,
        ),
        20,
      ),
    ).toEqual([]);
  });

  it("tells what grows, and what was too much", () => {
    expect(
      judge(
        rests(
          (at) => 100 + at * 2,
          () => 80,
        ),
        20,
      )[0],
    ).toContain("memory at rest grew");
    expect(
      judge(
        rests(
          () => 100,
          (at) => 80 + at,
        ),
        20,
      )[0],
    ).toContain("open files at rest grew");
    expect(
      judge(
        rests(
          () => 100,
          () => 80,
          21,
        ),
        20,
      )[0],
    ).toContain("21 servers");
  });
});
