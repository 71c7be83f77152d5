import { FakeClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import { CancelGate } from "./cancel-gate.js";

const here = { ip: "192.0.2.1", group: "192.0.2.1" };
const there = { ip: "192.0.2.2", group: "192.0.2.2" };

function admitted(gate: CancelGate, times: number, from = here): number {
  return Array.from({ length: times }, () => gate.admits(from)).filter(Boolean).length;
}

describe("the gate for cancel requests", () => {
  it("lets a burst through, then a steady stream, of each address", () => {
    const clock = new FakeClock();
    const gate = new CancelGate(clock);
    expect(admitted(gate, 10_000)).toBe(500);
    expect(admitted(gate, 1, there)).toBe(1);
    clock.advance(1000);
    expect(admitted(gate, 10_000)).toBe(100);
  });

  it("shuts out an address that guesses keys, for a while", () => {
    const clock = new FakeClock();
    const gate = new CancelGate(clock);
    for (let i = 0; i < 20; i++) gate.wrongKey(here);
    expect(admitted(gate, 1)).toBe(0);
    expect(admitted(gate, 1, there)).toBe(1);
    clock.advance(10_000);
    expect(admitted(gate, 1)).toBe(1);
  });

  it("counts nothing where everybody has the balancer's address", () => {
    const gate = new CancelGate(new FakeClock());
    const balanced = { ip: "192.0.2.1", group: undefined };
    for (let i = 0; i < 100; i++) gate.wrongKey(balanced);
    expect(Array.from({ length: 1000 }, () => gate.admits(balanced)).every(Boolean)).toBe(true);
  });
});
