import { FakeClock } from "@sluice/shared/time";
import { beforeEach, describe, expect, it } from "vitest";
import { StandingRefusal } from "./standing-refusal.js";

const MINUTE_MS = 60_000;

describe("a refusal that a second try does not mend", () => {
  let clock: FakeClock;
  let refusal: StandingRefusal;

  beforeEach(() => {
    clock = new FakeClock();
    refusal = new StandingRefusal(clock);
  });

  it("is the reason of what follows on what was refused, until a state is taken", () => {
    expect(refusal.stands("OTHER_BASE")).toBe("OTHER_BASE");
    expect(refusal.stands("MASS_REMOVAL")).toBe("MASS_REMOVAL");
    expect(refusal.stands("OTHER_BASE")).toBe("MASS_REMOVAL");
    expect(refusal.stands("SIGNATURE")).toBe("SIGNATURE");
    refusal.isOver();
    expect(refusal.stands("OTHER_BASE")).toBe("OTHER_BASE");
  });

  it("is asked about at once, and then ever more seldom, also over other connections", () => {
    const waitedMs: number[] = [];
    for (let asked = 0, sinceMs = 0; asked < 8; sinceMs += 1000, clock.advance(1000)) {
      refusal.stands("KEYSET_EXPIRED");
      if (!refusal.asksAgain()) continue;
      waitedMs.push(sinceMs);
      asked += 1;
      sinceMs = 0;
      refusal.streamEnded();
    }
    expect(waitedMs).toEqual([0, 1, 2, 4, 8, 16, 30, 30].map((minutes) => minutes * MINUTE_MS));
    refusal.isOver();
    refusal.stands("KEYSET_EXPIRED");
    expect(refusal.asksAgain()).toBe(true);
  });

  it("is not asked about where there is none, nor where the answer is a whole snapshot", () => {
    expect(refusal.asksAgain()).toBe(false);
    refusal.stands("MASS_REMOVAL");
    expect(refusal.asksAgain()).toBe(false);
    refusal.stands("FORK");
    refusal.streamEnded();
    expect(refusal.asksAgain()).toBe(false);
  });
});
