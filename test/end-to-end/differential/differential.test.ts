import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KNOWN_DIFFERENCES } from "./known-differences.js";
import { Lane, type Way } from "./lane.js";
import { TOPICS } from "./scripts/index.js";

/** Scripts played at the same time, each on a database of its own. */
const LANES = 3;

/**
 * Scripts of statements and messages, played directly and through the data plane in both modes: a client is told the
 * same, byte for byte but for process ids, and leaves nothing that the next one sees.
 */
describe.concurrent("a client cannot tell that it is pooled", () => {
  const known: Readonly<Record<string, readonly Way[]>> = Object.assign(
    {},
    ...KNOWN_DIFFERENCES.map(({ scripts }) => scripts),
  );
  const free: Lane[] = [];
  const waiting: ((lane: Lane) => void)[] = [];

  beforeAll(async () => {
    free.push(...(await Promise.all(Array.from({ length: LANES }, () => Lane.open()))));
  });
  afterAll(async () => {
    await Promise.all(free.map((lane) => lane.close()));
  });

  async function withLane<T>(use: (lane: Lane) => Promise<T>): Promise<T> {
    const lane = free.pop() ?? (await new Promise<Lane>((resolve) => waiting.push(resolve)));
    try {
      return await use(lane);
    } finally {
      const next = waiting.shift();
      if (next === undefined) free.push(lane);
      else next(lane);
    }
  }

  for (const { name, scripts } of TOPICS) {
    for (const [title, script] of Object.entries(scripts)) {
      it(`${name}: ${title}`, async () => {
        const found = await withLane((lane) => lane.differences(script));
        const told = found.map((each) => `${each.way}, ${each.told}`).join("\n");
        expect(
          found.map(({ way }) => way),
          told,
        ).toEqual(known[`${name}: ${title}`] ?? []);
      });
    }
  }

  it("lists as known differences only scripts that there are", () => {
    const titles = new Set(
      TOPICS.flatMap(({ name, scripts }) => Object.keys(scripts).map((title) => `${name}: ${title}`)),
    );
    expect(Object.keys(known).filter((script) => !titles.has(script))).toEqual([]);
  });
});
