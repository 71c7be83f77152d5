import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openGround } from "../benchmark/ground.js";
import { pgbench } from "../benchmark/load/pgbench.js";
import { memoryOf } from "../benchmark/processes.js";

describe("the ground of the benchmarks", () => {
  let ground: Awaited<ReturnType<typeof openGround>>;

  beforeAll(async () => {
    ground = await openGround({ quick: true, pinned: false, note: () => undefined });
  });
  afterAll(async () => {
    await ground?.close();
  });

  it("gives figures of every contestant that is here", async () => {
    const { direct, sluice, pgbouncer } = ground;
    for (const contestant of pgbouncer === undefined ? [direct, sluice] : [direct, sluice, pgbouncer]) {
      const figures = await pgbench(contestant, { protocol: "simple", clients: 4, seconds: 2, tls: false });
      expect(figures.tps, contestant.name).toBeGreaterThan(0);
      expect(figures.transactions, contestant.name).toBeGreaterThan(0);
      expect(figures.p50Ms, contestant.name).toBeLessThanOrEqual(figures.p999Ms);
      if (contestant === direct) expect(figures.cpuMicrosPerTransaction).toBeNaN();
      else {
        expect(figures.cpuMicrosPerTransaction, contestant.name).toBeGreaterThan(0);
        expect(memoryOf(contestant.pids()), contestant.name).toBeGreaterThan(2 ** 20);
      }
    }
  });
});
