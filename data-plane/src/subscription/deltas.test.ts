import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { BUNDLE_BOUNDS } from "@sluice/shared/bundle";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigurationRig, refusal } from "./configuration-for-tests.js";
import { describePosition, type Position } from "./position.js";
import type { Records, SignedDelta } from "./signed-for-tests.js";

/** Many restarts, each with its disk. */
const LONG_MS = 60_000;

function many(count: number, content = "a"): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`tenant/t${index}`, content]));
}

describe("a delta that a data plane is sent", () => {
  const ONE: Records = { "tenant/a": "1", "tenant/b": "1" };
  const TWO: Records = { "tenant/a": "2", "tenant/c": "1" };
  let rig: ConfigurationRig;
  let first: Position;

  beforeEach(async () => {
    rig = await ConfigurationRig.open();
    first = await rig.begin(ONE);
  });

  afterEach(() => rig.close());

  it("changes what it names, and only that, now and after a restart", async () => {
    const delta = await rig.signer.delta(first, ONE, 5n, TWO);
    expect(await rig.delta(delta)).toMatchObject({ kind: "taken", position: { generation: 5n } });
    const change = rig.sink.changes.at(-1);
    expect([...(change?.upsert.keys() ?? [])].sort()).toEqual(["tenant/a", "tenant/c"]);
    expect(change?.remove).toEqual(["tenant/b"]);
    expect(rig.sink.all).toEqual(TWO);
    await rig.restart();
    expect(rig.sink.all).toEqual(TWO);
    expect(rig.configuration.held).toMatchObject({ generation: 5n });
    expect(rig.errors).toEqual([]);
    // And it goes on from there.
    await rig.follow(delta.position, TWO, ONE, {}, TWO);
    await rig.restart();
    expect(rig.sink.all).toEqual(TWO);
    expect(rig.configuration.held).toMatchObject({ generation: 8n });
  });

  it("is kept on disk as it was received, in a file for its owner only", async () => {
    const delta = await rig.signer.delta(first, ONE, 2n, TWO);
    await rig.delta(delta);
    expect((await readFile(rig.file("journal"))).includes(Buffer.from(delta.envelope))).toBe(true);
    expect((await stat(rig.file("journal"))).mode & 0o077).toBe(0);
  });

  it("is not written behind what another process has taken away: what that one wrote stays whole", async () => {
    const second = await rig.signer.delta(first, ONE, 2n, TWO);
    await rig.delta(second);
    const mine = rig.configuration;
    await rig.restart();
    const last = { "tenant/a": "3" };
    await rig.snapshot(await rig.signer.snapshot(3n, last, second.position));
    const late = await rig.signer.delta(second.position, TWO, 3n, ONE);
    expect(await refusal(mine.takeDelta(late.envelope))).toBe("NOT_DURABLE");
    await rig.follow(rig.configuration.held as Position, last, ONE);
    await rig.restart();
    expect([rig.sink.all, rig.errors, rig.warnings]).toEqual([ONE, [], []]);
  });

  it("is refused, and leaves everything as it was, in each of these cases", async () => {
    const { signer } = rig;
    const held = (await signer.delta(first, ONE, 5n, TWO)) satisfies SignedDelta;
    await rig.delta(held);
    const { position } = held;
    const next = { ...TWO, "tenant/a": "3" };
    const make = (change: Parameters<typeof signer.delta>[4], generation = 6n, from = position) =>
      signer.delta(from, TWO, generation, next, change);
    const zero = new Uint8Array(32);
    const cases: [string, SignedDelta][] = [
      ["SIGNATURE", await make({ signer: signer.otherConfig.signer })],
      ["SIGNATURE", await make({ signer: signer.root.signer })],
      ["PAYLOAD_TYPE", await signer.snapshot(6n, next, position)],
      ["WRONG_SCOPE", await make({ scope: "region:there" })],
      ["INCOMPATIBLE", await make({ schemaVersion: 99 })],
      ["EPOCH", await make({ epoch: 2n })],
      ["OLDER", await make({ epoch: 0n })],
      ["OLDER", await make({}, 4n, { ...position, generation: 3n })],
      ["FORK", await make({}, 5n, { ...position, generation: 4n })],
      ["OTHER_BASE", await make({}, 7n, { ...position, generation: 6n })],
      ["OTHER_BASE", await make({}, 6n, { ...position, root: zero })],
      ["OTHER_BASE", await signer.delta(first, ONE, 6n, next)],
      ["ROOT_MISMATCH", await make({ to: { generation: 6n, root: zero } } as never)],
      ["ROOT_MISMATCH", await make({ remove: ["tenant/a"], upsert: [] })],
      ["ROOT_MISMATCH", await make({ upsert: [] })],
      ["MALFORMED", await make({ to: { generation: 6n, root: new Uint8Array(31) } } as never)],
      ["MALFORMED", await make({ from: undefined } as never)],
      ["MALFORMED", await make({}, 5n, position)],
      ["MALFORMED", await make({}, 4n, position)],
      ["MALFORMED", await make({ remove: ["tenant/a"] })],
      ["MALFORMED", await make({ remove: ["tenant/z", "tenant/z"] })],
      ["TOO_LARGE", { ...held, envelope: new Uint8Array(BUNDLE_BOUNDS.envelopeBytes + 1) }],
    ];
    const journal = await readFile(rig.file("journal"));
    for (const [index, [code, delta]] of cases.entries()) {
      expect(await refusal(rig.delta(delta)), `case ${index}`).toBe(code);
    }
    expect(rig.sink.all).toEqual(TWO);
    expect(describePosition(rig.configuration.held)).toBe(describePosition(position));
    expect((await readFile(rig.file("journal"))).equals(journal)).toBe(true);
    expect(await refusal(rig.delta(await make({})))).toBe("taken");
  });

  it(
    "is refused with any bit altered, wherever it is cut, and with anything behind it",
    async () => {
      const { envelope } = await rig.signer.delta(first, ONE, 2n, TWO);
      await fc.assert(
        fc.asyncProperty(fc.nat(envelope.length * 8 - 1), async (bit) => {
          const altered = Uint8Array.from(envelope);
          altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          expect(await refusal(rig.delta({ envelope: altered }))).not.toBe("taken");
        }),
        { numRuns: 500 },
      );
      for (let length = 0; length < envelope.length; length += 1) {
        expect(await refusal(rig.delta({ envelope: envelope.subarray(0, length) }))).not.toBe("taken");
      }
      expect(await refusal(rig.delta({ envelope: Buffer.concat([envelope, envelope]) }))).not.toBe("taken");
      expect(rig.sink.all).toEqual(ONE);
      expect(describePosition(rig.configuration.held)).toBe(describePosition(first));
      await rig.restart();
      expect(rig.sink.all).toEqual(ONE);
    },
    LONG_MS,
  );

  it("does nothing when it is played again", async () => {
    const delta = await rig.signer.delta(first, ONE, 2n, TWO);
    await rig.delta(delta);
    expect(await rig.delta(delta)).toEqual({ kind: "held" });
    const then = await rig.signer.delta(delta.position, TWO, 3n, ONE);
    await rig.delta(then);
    expect(await refusal(rig.delta(delta))).toBe("OLDER");
    expect(rig.sink.changes.length).toBe(3);
  });

  it("needs a state to follow on: an empty data plane asks for a snapshot", async () => {
    const other = await ConfigurationRig.open();
    await other.configuration.takeKeyset(await other.signer.keyset({ version: 2n }));
    const delta = await other.signer.delta(first, ONE, 2n, TWO);
    expect(await refusal(other.delta(delta))).toBe("OTHER_BASE");
    await other.close();
  });

  it("may remove any number: it lists them", async () => {
    const base = await rig.signer.snapshot(2n, many(100), first);
    await rig.snapshot(base);
    expect(await refusal(rig.delta(await rig.signer.delta(base.position, many(100), 3n, {})))).toBe("taken");
    expect(rig.sink.all).toEqual({});
  });

  it("that brings a bad record leaves its last good content in force, whichever way it came", async () => {
    const bad = { "tenant/a": "bad", "tenant/b": "2", "tenant/c": "bad" };
    const delta = await rig.signer.delta(first, ONE, 2n, bad);
    expect(await rig.delta(delta)).toMatchObject({ quarantined: ["tenant/a", "tenant/c"] });
    const served = { "tenant/a": "1", "tenant/b": "2" };
    expect(rig.sink.all).toEqual(served);
    await rig.restart();
    expect(rig.sink.all).toEqual(served);
    expect([...rig.configuration.quarantined.keys()].sort()).toEqual(["tenant/a", "tenant/c"]);

    // Good by a delta, bad again by the next, and again: the one that was good is what is found.
    const good = { ...bad, "tenant/a": "good" };
    const end = await rig.follow(delta.position, bad, good, bad, { ...bad, "tenant/a": "bad too" });
    expect(rig.sink.all).toEqual({ ...served, "tenant/a": "good" });
    await rig.restart();
    expect(rig.sink.all).toEqual({ ...served, "tenant/a": "good" });

    // A snapshot takes the journal's place, and carries it on.
    const whole = await rig.signer.snapshot(end.generation + 1n, bad, end);
    expect(await rig.snapshot(whole)).toMatchObject({ kind: "taken" });
    await rig.restart();
    expect(rig.sink.all).toEqual({ ...served, "tenant/a": "good" });
    expect(rig.errors).toContain("a record cannot be used and is in quarantine");
  });

  it("does not bring back what was removed before it came again, bad", async () => {
    await rig.follow(first, ONE, { "tenant/b": "1" }, { "tenant/a": "bad", "tenant/b": "1" });
    expect(rig.sink.all).toEqual({ "tenant/b": "1" });
    await rig.restart();
    expect(rig.sink.all).toEqual({ "tenant/b": "1" });
    expect([...rig.configuration.quarantined.keys()]).toEqual(["tenant/a"]);
  });

  it("stays good on disk when its config key is removed, and when the keyset has changed in between", async () => {
    const second = await rig.follow(first, ONE, TWO);
    const { signer } = rig;
    await rig.configuration.takeKeyset(
      await signer.keyset({ version: 2n, keys: [signer.otherConfig.raw, signer.config.raw] }),
    );
    const third = await signer.delta(second, TWO, 3n, ONE, { signer: signer.otherConfig.signer });
    await rig.delta(third);
    await rig.configuration.takeKeyset(await signer.keyset({ version: 3n, keys: [signer.otherConfig.raw] }));
    await rig.restart();
    expect(rig.sink.all).toEqual(ONE);
    expect(rig.errors).toEqual([]);
    expect(await refusal(rig.delta(await signer.delta(third.position, ONE, 4n, TWO)))).toBe("SIGNATURE");
    const fourth = await signer.delta(third.position, ONE, 4n, TWO, { signer: signer.otherConfig.signer });
    expect(await refusal(rig.delta(fourth))).toBe("taken");
  });

  it(
    "is torn where a crash has cut it: what is whole is served, and the next one takes its place",
    async () => {
      const second = await rig.follow(first, ONE, TWO);
      const [mark, before] = [await readFile(rig.file("mark")), await readFile(rig.file("journal"))];
      const third = await rig.signer.delta(second, TWO, 3n, ONE);
      await rig.delta(third);
      const after = await readFile(rig.file("journal"));
      for (let length = before.length; length < after.length; length += 23) {
        await writeFile(rig.file("journal"), after.subarray(0, length));
        await writeFile(rig.file("mark"), mark);
        await rig.restart();
        expect(describePosition(rig.configuration.held), `cut at ${length}`).toBe(describePosition(second));
        expect(rig.sink.all).toEqual(TWO);
        expect(rig.errors).toEqual([]);
        expect(rig.warnings.length).toBe(length === before.length ? 0 : 1);
        expect(await refusal(rig.delta(third))).toBe("taken");
        await rig.restart();
        expect(rig.sink.all).toEqual(ONE);
        expect(rig.warnings).toEqual([]);
      }
    },
    LONG_MS,
  );

  it(
    "is found again by no other content than what was signed, whatever byte of the journal is altered",
    async () => {
      const states = [ONE, TWO, { ...TWO, "tenant/d": "4" }, ONE];
      await rig.follow(first, ...states);
      const good = await readFile(rig.file("journal"));
      for (let at = 0; at < good.length; at += 29) {
        const altered = Buffer.from(good);
        altered[at] = (altered[at] ?? 0) ^ 1;
        await writeFile(rig.file("journal"), altered);
        await rm(rig.file("mark"));
        await rig.restart();
        expect(states.slice(0, 3), `byte ${at}`).toContainEqual(rig.sink.all);
        expect(rig.errors.length + rig.warnings.length).toBeGreaterThan(0);
      }
    },
    LONG_MS,
  );

  it("is not served without those behind it when the mark says that there were more", async () => {
    const second = await rig.follow(first, ONE, TWO);
    const journal = await readFile(rig.file("journal"));
    await rig.follow(second, TWO, ONE);
    await writeFile(rig.file("journal"), journal);
    await rig.restart();
    expect(rig.configuration.held).toBeUndefined();
    expect(rig.errors).toContain(
      "the stored configuration cannot be used; the control plane is asked for it",
    );
  });

  it("is refused when the disk does not take it, and taken when the disk does", async () => {
    await mkdir(rig.file("journal"));
    const delta = await rig.signer.delta(first, ONE, 2n, TWO);
    expect(await refusal(rig.delta(delta))).toBe("NOT_DURABLE");
    expect(rig.sink.all).toEqual(ONE);
    expect(describePosition(rig.configuration.held)).toBe(describePosition(first));
    await rm(rig.file("journal"), { recursive: true });
    expect(await refusal(rig.delta(delta))).toBe("taken");
    await rig.restart();
    expect(rig.sink.all).toEqual(TWO);
  });

  it("is tried again when it could not be applied, and counts once", async () => {
    const delta = await rig.signer.delta(first, ONE, 2n, TWO);
    rig.sink.broken = true;
    expect(await refusal(rig.delta(delta))).toBe("NOT_APPLIED");
    rig.sink.broken = false;
    expect(await refusal(rig.delta(delta))).toBe("taken");
    const third = await rig.follow(delta.position, TWO, ONE);
    await rig.restart();
    expect(describePosition(rig.configuration.held)).toBe(describePosition(third));
    expect(rig.errors).toEqual([]);
  });
});

describe("a journal that grows", () => {
  const LARGE = "x".repeat(100_000);
  let rig: ConfigurationRig;

  beforeEach(async () => {
    rig = await ConfigurationRig.open();
  });

  afterEach(() => rig.close());

  /** A state in which everything has happened to some record, and its journal folded away. */
  async function grown(): Promise<{ position: Position; served: Record<string, string> }> {
    const states: Record<string, string>[] = [
      { ...many(50), "tenant/gone": "1", "tenant/worse": "good", "tenant/late": "1" },
    ];
    for (let round = 1; round <= 12; round += 1) {
      const next: Record<string, string> = { ...states.at(-1), "tenant/busy": `${round}${LARGE}` };
      if (round === 2) next["tenant/new"] = "1";
      if (round === 3) delete next["tenant/gone"];
      if (round === 4) next["tenant/worse"] = "bad";
      if (round > 5) next["tenant/late"] = `bad ${round}`;
      if (round === 5) next["tenant/late"] = "good";
      states.push(next);
    }
    const position = await rig.follow(await rig.begin(states[0] ?? {}), ...states);
    return { position, served: { ...states.at(-1), "tenant/worse": "good", "tenant/late": "good" } };
  }

  it("is folded into the state file, which then holds what matters, and no more", async () => {
    const { position, served } = await grown();
    expect((await stat(rig.file("journal"))).size).toBeLessThan(4 * LARGE.length);
    expect((await stat(rig.file("state"))).size).toBeLessThan(5 * LARGE.length);
    const expected = Object.fromEntries(Object.entries(served).sort(([a], [b]) => (a < b ? -1 : 1)));
    expect(rig.sink.all).toEqual(expected);
    await rig.restart();
    expect(rig.errors.filter((message) => !message.includes("quarantine"))).toEqual([]);
    expect(rig.sink.all).toEqual(expected);
    expect(describePosition(rig.configuration.held)).toBe(describePosition(position));
    expect([...rig.configuration.quarantined.keys()].sort()).toEqual(["tenant/late", "tenant/worse"]);
  });

  it("does no harm when a crash came before it was emptied", async () => {
    const states = Array.from({ length: 10 }, (_, round) => ({ "tenant/busy": `${round}${LARGE}` }));
    const position = await rig.follow(await rig.begin(states[0] ?? {}), ...states);
    const journal = await readFile(rig.file("journal"));
    const more = [states.at(-1) ?? {}, { "tenant/busy": `10${LARGE}` }, { "tenant/busy": `11${LARGE}` }];
    const end = await rig.follow(position, ...more);
    expect((await stat(rig.file("journal"))).size).toBeLessThan(journal.length);
    await writeFile(rig.file("journal"), journal);
    await rm(rig.file("mark"));
    await rig.restart();
    expect(rig.errors).toEqual([]);
    expect(rig.configuration.held?.generation).toBeGreaterThan(position.generation);
    expect(rig.configuration.held?.generation).toBeLessThanOrEqual(end.generation);
  });

  it("is left as it is when the state file cannot be written, and everything goes on", async () => {
    await rig.begin({ "tenant/busy": "0" });
    await mkdir(rig.file("state.new"));
    const states = Array.from({ length: 14 }, (_, round) => ({ "tenant/busy": `${round}${LARGE}` }));
    const begun = await rig.configuration.held;
    if (begun === undefined) throw new Error("nothing is held");
    const end = await rig.follow(begun, { "tenant/busy": "0" }, ...states);
    expect(rig.errors).toContain("the state on disk cannot be made smaller");
    expect(describePosition(rig.configuration.held)).toBe(describePosition(end));
    await rig.restart();
    expect(describePosition(rig.configuration.held)).toBe(describePosition(end));
  });
});
