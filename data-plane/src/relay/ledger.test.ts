import { describe, expect, it } from "vitest";
import { Ledger } from "./ledger.js";
import { Owed } from "./owed.js";

/** An Execute was sent that may begin a COPY. */
function copying(): Ledger {
  const ledger = new Ledger();
  ledger.extended(Owed.execute);
  return ledger;
}

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
    const ledger = copying();
    ledger.sync();
    ledger.copyIn();
    expect(ledger.owed).toBe(0);
    ledger.sync();
    expect(ledger.owed).toBe(0);
    ledger.copyEnd();
    ledger.sync();
    ledger.copied();
    ledger.done();
    expect([ledger.owed, ledger.uncertain]).toEqual([1, false]);
  });

  it("owes only the last Sync when COPY's data and end were sent ahead", () => {
    const ledger = copying();
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

  it("does not owe what the server skips after an error: the rest of the batch, a Query in it included", () => {
    const ledger = new Ledger();
    for (const kind of [Owed.parse, Owed.bind, Owed.execute]) ledger.extended(kind);
    ledger.query();
    ledger.extended(Owed.bind);
    ledger.sync();
    ledger.query();
    ledger.done();
    expect(ledger.owed).toBe(3);
    ledger.error();
    expect([ledger.owed, ledger.front]).toEqual([2, Owed.sync]);
    ledger.ready();
    expect([ledger.owed, ledger.front]).toEqual([1, Owed.query]);
  });

  it("goes on skipping what is sent after the error, up to the Sync", () => {
    const ledger = new Ledger();
    ledger.extended(Owed.parse);
    ledger.error();
    ledger.extended(Owed.bind);
    ledger.query();
    ledger.copyEnd();
    expect([ledger.owed, ledger.front]).toEqual([0, Owed.none]);
    ledger.sync();
    ledger.query();
    expect(ledger.owed).toBe(2);
  });

  it("skips nothing after the error of a Query or of a Sync", () => {
    const ledger = new Ledger();
    ledger.query();
    ledger.sync();
    ledger.extended(Owed.bind);
    ledger.sync();
    ledger.error();
    ledger.ready();
    ledger.error();
    ledger.ready();
    expect([ledger.owed, ledger.front]).toEqual([1, Owed.bind]);
  });

  it("tells what was answered from what failed or was skipped", () => {
    const told: string[] = [];
    const outcome = (name: string) => ({
      done: () => told.push(`${name} done`),
      failed: () => told.push(`${name} failed`),
    });
    const ledger = new Ledger();
    ledger.unnamed = {
      done: () => told.push("unnamed done"),
      failed: () => told.push("unnamed failed"),
      skipped: () => told.push("unnamed skipped"),
      forget: () => told.push("unnamed forgotten"),
    };
    ledger.extended(Owed.parseUnnamed);
    ledger.done();
    ledger.extended(Owed.parse, outcome("first"));
    ledger.extended(Owed.parse, outcome("second"));
    ledger.extended(Owed.parseUnnamed);
    ledger.extended(Owed.close, outcome("third"));
    ledger.done();
    ledger.error();
    ledger.extended(Owed.parse, outcome("fourth"));
    ledger.sync();
    ledger.extended(Owed.parseUnnamed);
    ledger.ready();
    ledger.error();
    ledger.sync();
    ledger.ready();
    ledger.extended(Owed.parse, outcome("fifth"));
    ledger.clear();
    expect(told).toEqual([
      "unnamed done",
      "first done",
      "second failed",
      "unnamed skipped",
      "third failed",
      "fourth failed",
      "unnamed failed",
      "fifth failed",
      "unnamed forgotten",
    ]);
  });

  it("keeps apart what the client waits for from what is ours", () => {
    const ledger = new Ledger();
    ledger.ourQuery();
    expect([ledger.owed, ledger.asked]).toEqual([1, false]);
    ledger.query();
    ledger.ourSync();
    expect([ledger.owed, ledger.asked]).toEqual([3, true]);
    ledger.ready();
    ledger.ready();
    expect([ledger.owed, ledger.asked, ledger.front]).toEqual([1, false, Owed.ourSync]);
  });

  it("is uncertain when a COPY failed that may have swallowed a Sync", () => {
    const ledger = copying();
    ledger.copyIn();
    ledger.sync();
    ledger.error();
    expect([ledger.owed, ledger.copying, ledger.uncertain]).toEqual([0, false, true]);
    ledger.clear();
    expect(ledger.uncertain).toBe(false);
  });
});
