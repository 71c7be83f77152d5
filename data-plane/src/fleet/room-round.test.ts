import { describe, expect, it } from "vitest";
import { nextInRound } from "./room-round.js";

const at = { host: "db", port: 5432 };
const WORKERS = [2, 0, 1, 3];

describe("a round for room on a database server", () => {
  it("goes from the worker that wants it to each other, by number, and ends", () => {
    const asked: number[] = [];
    for (let without = [2]; ; ) {
      const next = nextInRound({ at, without }, WORKERS);
      if (next === undefined) break;
      asked.push(next);
      without = [...without, next];
    }
    expect(asked).toEqual([3, 0, 1]);
  });

  it("passes over workers that have gone meanwhile", () => {
    expect(nextInRound({ at, without: [2, 3] }, [1, 2])).toBe(1);
    expect(nextInRound({ at, without: [2] }, [2])).toBeUndefined();
  });
});
