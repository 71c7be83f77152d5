import { describe, expect, it } from "vitest";
import type { Logger } from "../observability/index.js";
import { FakeClock } from "../time/index.js";
import { Lookout } from "./lookout.js";

describe("Lookout", () => {
  it("looks in intervals until it is stopped, and tells each problem once until a look succeeds", () => {
    const [clock, errors] = [new FakeClock(), [] as string[]];
    const logger = { error: (message: string) => errors.push(message) } as unknown as Logger;
    let looks = 0;
    let problem: string | undefined;
    const look = (): void => {
      looks += 1;
      if (problem !== undefined) throw new Error(problem);
    };
    const lookout = new Lookout({ look, complaint: "it cannot be used", intervalMs: 1000, clock, logger });
    lookout.start();
    clock.advance(999);
    expect(looks).toBe(0);
    clock.advance(2001);
    expect([looks, errors.length]).toEqual([3, 0]);
    problem = "half of it is missing";
    clock.advance(3000);
    expect(errors).toEqual(["it cannot be used"]);
    problem = "the other half is wrong";
    clock.advance(2000);
    expect(errors.length).toBe(2);
    problem = undefined;
    clock.advance(1000);
    problem = "the other half is wrong";
    clock.advance(2000);
    expect([looks, errors.length]).toEqual([11, 3]);
    lookout.stop();
    clock.advance(5000);
    expect([looks, clock.pendingTimers]).toEqual([11, 0]);
  });
});
