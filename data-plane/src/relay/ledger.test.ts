import { describe, expect, it } from "vitest";
import { Ledger } from "./ledger.js";

describe("Ledger", () => {
  it("counts one answer for each query and each Sync of a pipeline", () => {
    const ledger = new Ledger();
    for (let i = 0; i < 100; i++) i % 2 === 0 ? ledger.query() : ledger.sync();
    for (let left = 99; left >= 0; left--) {
      ledger.ready();
      expect(ledger.owed).toBe(left);
    }
  });

  it("keeps count over a ring that turns and grows", () => {
    const ledger = new Ledger();
    for (let i = 0; i < 12; i++) ledger.sync();
    for (let i = 0; i < 10; i++) ledger.ready();
    for (let i = 0; i < 40; i++) ledger.query();
    expect(ledger.owed).toBe(42);
    for (let i = 0; i < 42; i++) ledger.ready();
    expect(ledger.owed).toBe(0);
  });

  it("owes one answer for COPY by a simple query", () => {
    const ledger = new Ledger();
    ledger.query();
    ledger.copyIn();
    expect(ledger.copying).toBe(true);
    ledger.copyEnd();
    expect([ledger.copying, ledger.owed]).toEqual([false, 1]);
    ledger.ready();
    expect(ledger.owed).toBe(0);
  });

  it("does not wait for a Sync that the server swallows while it reads COPY data", () => {
    const before = new Ledger();
    before.sync();
    before.copyIn();
    expect(before.owed).toBe(0);
    before.sync();
    expect(before.owed).toBe(0);
    before.copyEnd();
    before.sync();
    expect(before.owed).toBe(1);
  });

  it("owes only the last Sync when COPY's data and end were sent ahead", () => {
    const ledger = new Ledger();
    ledger.sync();
    ledger.copyEnd();
    ledger.sync();
    ledger.copyIn();
    expect([ledger.copying, ledger.owed]).toEqual([false, 1]);
    ledger.ready();
    expect(ledger.owed).toBe(0);
  });

  it("forgets a CopyDone that came too late, since the server ignores it", () => {
    const ledger = new Ledger();
    ledger.query();
    ledger.copyEnd();
    ledger.query();
    ledger.ready();
    expect(ledger.owed).toBe(1);
    ledger.copyIn();
    expect([ledger.copying, ledger.owed]).toEqual([true, 1]);
  });

  it("leaves COPY when the server ends it by an error", () => {
    const ledger = new Ledger();
    ledger.query();
    ledger.copyIn();
    ledger.ready();
    expect([ledger.copying, ledger.owed]).toEqual([false, 0]);
  });

  it("owes nothing after it was cleared", () => {
    const ledger = new Ledger();
    ledger.query();
    ledger.copyIn();
    ledger.clear();
    expect([ledger.copying, ledger.owed]).toEqual([false, 0]);
  });
});
