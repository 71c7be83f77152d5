import { silentLogger } from "@sluice/shared/observability";
import { FakeClock } from "@sluice/shared/time";
import { beforeEach, describe, expect, it } from "vitest";
import { NotesRefused } from "./fleet-failure.js";
import { FleetLedger } from "./fleet-ledger.js";
import type { FleetNotes, FleetStore } from "./fleet-store.js";

const BAD = "bad\0";
const held = { epoch: 1n, generation: 1n, stateRoot: new Uint8Array(32) };

describe("the ledger of what data planes say", () => {
  const clock = new FakeClock();
  /** What the database has taken, as `instance kind`. */
  let taken: string[];
  let writes: number;
  let fails: ((notes: FleetNotes) => Error | undefined) | undefined;
  let ledger: FleetLedger;

  const write = (notes: FleetNotes): Promise<readonly never[]> => {
    writes += 1;
    const failure = fails?.(notes);
    if (failure !== undefined) return Promise.reject(failure);
    taken.push(
      ...notes.statuses.map(({ instance }) => `${instance} status`),
      ...notes.results.map(({ instance }) => `${instance} result`),
      ...notes.acks.map(({ instance }) => `${instance} ack`),
    );
    return Promise.resolve([]);
  };
  /** As Postgres: one bad text, and nothing is written. */
  const refusesNul = ({ results }: FleetNotes): Error | undefined =>
    results.some(({ tenant }) => tenant === BAD) ? new NotesRefused("22P05") : undefined;
  const written = async (): Promise<void> => {
    clock.advance(2000);
    for (let turn = 0; turn < 200; turn += 1) await Promise.resolve();
  };

  beforeEach(() => {
    taken = [];
    writes = 0;
    fails = undefined;
    ledger = new FleetLedger({
      store: { write } as unknown as FleetStore,
      controlPlane: "one",
      clock,
      logger: silentLogger,
      onAcked: () => undefined,
    });
  });

  const say = (instance: string, tenant = "acme"): void => {
    const place = { group: "pods", instance, scope: "region:eu" };
    ledger.result({ ...place, tenant, held, counts: {} });
    ledger.ack({ ...place, held, nackCode: null });
  };

  it("writes together what is said together", async () => {
    for (const instance of ["a", "b", "c"]) say(instance);
    await written();
    expect(writes).toBe(1);
    expect(taken).toHaveLength(6);
  });

  it("drops the one note that the database never takes, and no other: not of others, not of the same instance", async () => {
    fails = refusesNul;
    for (const instance of ["a", "b", "c"]) say(instance);
    say("b", BAD);
    await written();
    expect([...taken].sort()).toEqual(["a ack", "a result", "b ack", "b result", "c ack", "c result"]);
    const before = writes;
    await written();
    expect(writes).toBe(before);
    say("d");
    await written();
    expect(taken.slice(-2)).toEqual(["d result", "d ack"]);
  });

  it("keeps everything while the database is away, also when it goes in the middle", async () => {
    fails = () => new Error("away");
    say("a");
    say("b", BAD);
    await written();
    expect(taken).toEqual([]);
    fails = (notes) => refusesNul(notes) ?? (notes.acks.length > 0 ? new Error("away") : undefined);
    await written();
    expect(taken).toEqual(["a result"]);
    fails = undefined;
    await written();
    expect([...taken].sort()).toEqual(["a ack", "a result", "b ack"]);
  });
});
