import { FakeClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import { StatusReports } from "./status-reports.js";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("reports of a data plane's status", () => {
  it("go out at once and then in intervals, until they are stopped", async () => {
    const clock = new FakeClock();
    let sent = 0;
    const reports = new StatusReports(clock, 15_000, async () => {
      sent += 1;
    });
    reports.now();
    await turn();
    expect(sent).toBe(1);
    clock.advance(14_999);
    expect(sent).toBe(1);
    clock.advance(1);
    await turn();
    expect(sent).toBe(2);
    reports.stop();
    clock.advance(60_000);
    reports.now();
    expect(sent).toBe(2);
    expect(clock.pendingTimers).toBe(0);
  });

  it("never overlap: one that is asked for meanwhile follows", async () => {
    const clock = new FakeClock();
    const pending: (() => void)[] = [];
    const reports = new StatusReports(clock, 15_000, () => new Promise((resolve) => pending.push(resolve)));
    reports.now();
    reports.now();
    reports.now();
    clock.advance(20_000);
    expect(pending).toHaveLength(1);
    pending[0]?.();
    await turn();
    expect(pending).toHaveLength(2);
    pending[1]?.();
    await turn();
    expect(pending).toHaveLength(2);
    reports.stop();
  });
});
