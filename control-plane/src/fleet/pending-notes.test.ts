import { describe, expect, it } from "vitest";
import { type Note, PendingNotes } from "./pending-notes.js";

const ROOT = new Uint8Array(32);

function status(instance: string, change: { readonly quarantined?: readonly string[] } = {}): Note {
  return {
    kind: "status",
    of: {
      group: "pods",
      instance,
      region: "eu",
      scope: "region:eu",
      build: "test",
      keysetVersion: 1n,
      lastSeenAt: new Date(0),
      connectedSince: new Date(0),
      held: undefined,
      quarantined: [],
      nack: null,
      trouble: null,
      ready: true,
      freshnessAgeMs: null,
      reportedAt: null,
      ...change,
    },
  };
}

function result(instance: string, tenant: string): Note {
  const held = { epoch: 1n, generation: 1n, stateRoot: ROOT };
  return { kind: "result", of: { group: "pods", instance, scope: "region:eu", tenant, held, counts: {} } };
}

function ack(instance: string, generation: bigint, nackCode: string | null = null): Note {
  const held = { epoch: 1n, generation, stateRoot: ROOT };
  return {
    kind: "ack",
    of: { group: "pods", instance, scope: "region:eu", held, nackCode },
    heardAtMs: Number(generation),
  };
}

describe("notes that are not written yet", () => {
  it("are the newest of each thing, statuses first and acks last", () => {
    const pending = new PendingNotes();
    const notes = [ack("a", 1n, "FORK"), result("a", "acme"), status("b"), status("a")];
    for (const note of notes) pending.add(note);
    const newer = [ack("a", 1n), status("a", { quarantined: ["tenant/acme"] })];
    for (const note of newer) pending.add(note);
    expect(pending.takeAll()).toEqual([newer[1], notes[2], notes[1], newer[0]]);
    expect(pending.isEmpty).toBe(true);
  });

  it("that come back do not replace what has come meanwhile", () => {
    const pending = new PendingNotes();
    pending.add(status("a"));
    pending.add(ack("a", 1n));
    const older = pending.takeAll();
    const newer = status("a", { quarantined: ["tenant/acme"] });
    pending.add(newer);
    pending.putBack(older);
    expect(pending.takeAll()).toEqual([newer, ack("a", 1n)]);
  });

  it("are bounded by what they take: one that says very much loses its oldest, and the others nothing", () => {
    const pending = new PendingNotes(100_000);
    pending.add(status("quiet"));
    pending.add(ack("quiet", 1n));
    for (let index = 0; index < 10_000; index += 1) pending.add(result("loud", `${index}`.padEnd(500, "x")));
    const left = pending.takeAll();
    expect(left.filter(({ of }) => of.instance === "quiet")).toHaveLength(2);
    const loud = left.flatMap(({ kind, of }) => (kind === "result" ? [of.tenant] : []));
    expect(loud.at(-1)).toMatch(/^9999x/);
    expect(loud.length).toBeGreaterThan(20);
    expect(loud.length).toBeLessThan(100);
  });
});
