import { FakeClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import { drainGradually } from "./drain.js";

interface Client {
  /** When it is busy: from then on it has to be waited for. */
  readonly busy?: (nowMs: number) => boolean;
}

/** When each was told, in ms. */
async function told(clients: readonly Client[], deadlineMs: number): Promise<number[]> {
  const clock = new FakeClock(0);
  const atMs: number[] = [];
  const busyAtMs = clients.map(() => Number.NEGATIVE_INFINITY);
  const all = clients.map(({ busy }, at) => ({
    get quietForMs() {
      const nowMs = clock.monotonic();
      if (busy?.(nowMs) === true) busyAtMs[at] = nowMs;
      return nowMs - (busyAtMs[at] ?? 0);
    },
    drain: () => {
      atMs[at] = clock.monotonic();
    },
  }));
  let done = false;
  const drained = drainGradually(new Set(all), clock, deadlineMs).then(() => {
    done = true;
  });
  while (!done) {
    await Promise.resolve();
    await Promise.resolve();
    if (!done) clock.advance(20);
  }
  await drained;
  return atMs;
}

const idle = (count: number): Client[] => Array.from({ length: count }, () => ({}));

function mostInASecond(atMs: readonly number[]): number {
  const bySecond = new Map<number, number>();
  for (const each of atMs) {
    const second = Math.floor(each / 1000);
    bySecond.set(second, (bySecond.get(second) ?? 0) + 1);
  }
  return Math.max(...bySecond.values());
}

describe("drainGradually", () => {
  it("tells a few at once", async () => {
    expect(await told(idle(10), 30_000)).toEqual(Array(10).fill(0));
  });

  it("tells at most 500 in a second when there is time", async () => {
    const atMs = await told(idle(3000), 30_000);
    expect(atMs).toHaveLength(3000);
    expect(mostInASecond(atMs)).toBeLessThanOrEqual(520);
  });

  it("tells all in half of the time there is", async () => {
    const atMs = await told(idle(100_000), 10_000);
    expect(atMs).toHaveLength(100_000);
    expect(Math.max(...atMs)).toBeLessThanOrEqual(5100);
  });

  it("tells all at once when there is no time", async () => {
    expect(new Set(await told([...idle(1000), { busy: () => true }], 0))).toEqual(new Set([0]));
  });

  it("waits for those who are busy, until they are quiet for a while, and does not keep others waiting", async () => {
    const [soon, later] = await told([{}, { busy: (nowMs) => nowMs < 3000 }], 30_000);
    expect(soon).toBe(0);
    expect(later).toBeGreaterThan(3500);
    expect(later).toBeLessThan(4100);
  });

  it("tells who is never quiet when half of the time is gone", async () => {
    const [atMs] = await told([{ busy: () => true }], 30_000);
    expect(atMs).toBeGreaterThanOrEqual(14_900);
    expect(atMs).toBeLessThanOrEqual(15_100);
  });
});
