import type { KeyObject } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BundleRefused, makeChunks, type VerifiedBytes } from "@sluice/shared/bundle";
import type { Logger } from "@sluice/shared/observability";
import { makeDataKey, makeNodeKey, rawNodePublicKey } from "@sluice/shared/secrets";
import { FakeClock } from "@sluice/shared/time";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Configuration, type Intake } from "./configuration.js";
import type { Position } from "./position.js";
import { SCOPE, type SignedSnapshot, TestSigner } from "./signed-for-tests.js";
import type { AcceptedChange, StateSink } from "./state-sink.js";

const INSTANCE = "0f0e0d0c-unit-test";

/** Serves text by id; "bad" cannot be used, and "sealed" only with a data key. */
class TextSink implements StateSink {
  readonly served = new Map<string, string>();
  readonly changes: AcceptedChange[] = [];
  broken = false;

  examine(_id: string, body: VerifiedBytes, dataKeys: ReadonlyMap<string, Uint8Array>): void {
    const text = Buffer.from(body).toString();
    if (text.startsWith("bad")) throw new Error("it is bad");
    if (text.startsWith("sealed") && dataKeys.size === 0) throw new Error("no data key");
  }

  apply(change: AcceptedChange): void {
    if (this.broken) throw new Error("the sink is broken");
    this.changes.push(change);
    for (const id of change.remove) this.served.delete(id);
    for (const [id, body] of change.upsert) this.served.set(id, Buffer.from(body).toString());
  }
}

function many(count: number, content = "a"): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`tenant/t${index}`, content]));
}

describe("the configuration of a data plane", () => {
  const signer = new TestSigner();
  const node: { readonly key: KeyObject } = makeNodeKey();
  let folder: string;
  let clock: FakeClock;
  let sink: TextSink;
  let errors: string[];
  let configuration: Configuration;

  const logger: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: (message) => errors.push(message),
    child: () => logger,
  };

  /** As a process that starts again in the same folder. */
  async function restart(): Promise<void> {
    sink = new TextSink();
    errors = [];
    configuration = await Configuration.open({
      build: "test",
      folder: join(folder, "configuration"),
      scope: SCOPE,
      instance: INSTANCE,
      nodeKey: node.key,
      rootKeys: signer.rootKeys,
      sink,
      clock,
      logger,
    });
  }

  async function send({ envelope, chunks }: SignedSnapshot): Promise<Intake> {
    let intake = await configuration.takeManifest(envelope);
    for (const chunk of chunks) intake = await configuration.takeChunk(chunk);
    return intake;
  }

  async function refusal(act: Promise<unknown>): Promise<string> {
    try {
      await act;
    } catch (error) {
      if (error instanceof BundleRefused) return error.refusal;
      throw error;
    }
    return "taken";
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "sluice-configuration-"));
    clock = new FakeClock();
    await restart();
    await configuration.takeKeyset(await signer.keyset());
  });

  afterEach(() => rm(folder, { recursive: true }));

  it("is empty at first, and takes no snapshot before a keyset", async () => {
    expect(configuration.held).toBeUndefined();
    const fresh = await mkdtemp(join(tmpdir(), "sluice-configuration-"));
    const empty = await Configuration.open({
      build: "test",
      folder: fresh,
      scope: SCOPE,
      instance: INSTANCE,
      nodeKey: node.key,
      rootKeys: signer.rootKeys,
      sink,
      clock,
      logger,
    });
    const { envelope } = await signer.snapshot(1n, { "tenant/a": "1" });
    expect(await refusal(empty.takeManifest(envelope))).toBe("NO_KEYSET");
    await rm(fresh, { recursive: true });
  });

  it("applies what changed, and only that", async () => {
    const first = await signer.snapshot(1n, { "tenant/a": "1", "tenant/b": "1" });
    expect(await send(first)).toMatchObject({ kind: "taken", quarantined: [] });
    const second = await signer.snapshot(2n, { "tenant/b": "1", "tenant/c": "1" }, first.position);
    expect((await send(second)).kind).toBe("taken");
    expect([...(sink.changes[1]?.upsert.keys() ?? [])]).toEqual(["tenant/c"]);
    expect(sink.changes[1]?.remove).toEqual(["tenant/a"]);
    expect(configuration.held?.generation).toBe(2n);
  });

  it("takes a state without records", async () => {
    expect((await send(await signer.snapshot(1n, {}))).kind).toBe("taken");
    expect(configuration.held?.generation).toBe(1n);
  });

  it("passes over what it holds already", async () => {
    const first = await signer.snapshot(1n, { "tenant/a": "1" });
    await send(first);
    expect((await send(first)).kind).toBe("held");
    expect(sink.changes.length).toBe(1);
  });

  const chunksOf = (count: number, length: number) => ({
    chunks: Array.from({ length: count }, () => ({ sha256: Buffer.alloc(32), length })),
  });

  /** Its first record comes a second time, and is counted; the root is that of the records. */
  async function withTwice(records: Record<string, string>, replaces: Position): Promise<SignedSnapshot> {
    const bodies = Object.entries(records).map(([id, text]) => ({ id, body: Buffer.from(text) }));
    const made = makeChunks([...bodies, ...bodies.slice(0, 1)]);
    const snapshot = await signer.snapshot(6n, records, replaces, {
      recordCount: BigInt(bodies.length + 1),
      chunks: made.map(({ ref }) => ({ sha256: Uint8Array.from(ref.sha256), length: ref.length })),
    });
    return { ...snapshot, chunks: made.map(({ bytes }) => bytes) };
  }

  it("refuses what is too large, twice there, older, forked, on another base, of another scope, epoch or schema", async () => {
    const first = await signer.snapshot(5n, { "tenant/a": "1" });
    await send(first);
    const next = { "tenant/a": "2" };
    const cases: [string, SignedSnapshot][] = [
      ["OLDER", await signer.snapshot(4n, next, first.position)],
      ["FORK", await signer.snapshot(5n, next, first.position)],
      ["OTHER_BASE", await signer.snapshot(6n, next)],
      ["OTHER_BASE", await signer.snapshot(6n, next, { ...first.position, generation: 4n })],
      ["OTHER_BASE", await signer.snapshot(6n, next, { ...first.position, root: Buffer.alloc(32) })],
      ["WRONG_SCOPE", await signer.snapshot(6n, next, first.position, { scope: "region:there" })],
      ["EPOCH", await signer.snapshot(1n, next, undefined, { epoch: 2n })],
      ["OLDER", await signer.snapshot(9n, next, first.position, { epoch: 0n })],
      ["INCOMPATIBLE", await signer.snapshot(6n, next, first.position, { schemaVersion: 99 })],
      ["SIGNATURE", await signer.snapshot(6n, next, first.position, { signer: signer.otherConfig.signer })],
      ["SIGNATURE", await signer.snapshot(6n, next, first.position, { signer: signer.root.signer })],
      ["ROOT_MISMATCH", await signer.snapshot(6n, next, first.position, { recordCount: 2n })],
      [
        "MALFORMED",
        await signer.snapshot(6n, next, first.position, {
          state: { generation: 6n, root: Buffer.alloc(0) },
        } as never),
      ],
      [
        "ROOT_MISMATCH",
        await signer.snapshot(6n, next, first.position, {
          state: { generation: 6n, root: Buffer.alloc(32) },
        } as never),
      ],
      ["TOO_LARGE", await signer.snapshot(6n, next, first.position, { recordCount: 2_000_000n })],
      ["TOO_LARGE", await signer.snapshot(6n, next, first.position, chunksOf(1, 2 ** 23))],
      ["TOO_LARGE", await signer.snapshot(6n, next, first.position, chunksOf(300, 2 ** 22))],
      ["TOO_LARGE", await signer.snapshot(6n, next, first.position, chunksOf(16_385, 1))],
      ["MALFORMED", await withTwice(next, first.position)],
    ];
    for (const [code, snapshot] of cases) expect(await refusal(send(snapshot))).toBe(code);
    expect(sink.served).toEqual(new Map([["tenant/a", "1"]]));
    expect(configuration.held?.generation).toBe(5n);
    // And none of them has left anything behind.
    expect((await send(await signer.snapshot(6n, next, first.position))).kind).toBe("taken");
  });

  it("refuses a chunk that is altered, out of order, or of another snapshot, and goes on with the next one", async () => {
    const records = Object.fromEntries(
      Array.from({ length: 8 }, (_, index) => [`tenant/${index}`, String(index).repeat(100_000)]),
    );
    const first = await signer.snapshot(1n, records);
    const [one, two] = first.chunks;
    if (one === undefined || two === undefined) throw new Error("too few chunks");
    const altered = Uint8Array.from(one);
    altered[5000] = (altered[5000] ?? 0) ^ 4;
    for (const bad of [altered, two, Buffer.concat([one, Buffer.of(0)])]) {
      await configuration.takeManifest(first.envelope);
      expect(await refusal(configuration.takeChunk(bad))).toBe("CHUNK");
      expect((await configuration.takeChunk(one)).kind).toBe("held");
    }
    expect(sink.changes).toEqual([]);
    expect((await send(first)).kind).toBe("taken");
  });

  it("does not finish on one connection what another one began", async () => {
    const first = await signer.snapshot(1n, { "tenant/a": "1" });
    await configuration.takeManifest(first.envelope);
    configuration.forgetIncoming();
    expect((await configuration.takeChunk(first.chunks[0] ?? Buffer.alloc(0))).kind).toBe("held");
    expect(configuration.held).toBeUndefined();
  });

  it.each([
    { held: 100, left: 80, allowed: true, why: "a fifth" },
    { held: 100, left: 79, allowed: false, why: "more than a fifth" },
    { held: 20, left: 1, allowed: true, why: "fewer than twenty" },
    { held: 20, left: 0, allowed: false, why: "twenty, being all" },
    { held: 1, left: 0, allowed: true, why: "the only one" },
    { held: 3, left: 2, allowed: true, why: "one of three" },
  ])("takes a snapshot that drops $why: $allowed ($held to $left)", async ({ held, left, allowed }) => {
    const first = await signer.snapshot(1n, many(held));
    await send(first);
    const next = await signer.snapshot(2n, many(left), first.position);
    expect(await refusal(send(next))).toBe(allowed ? "taken" : "MASS_REMOVAL");
    if (allowed) return;
    expect(sink.served.size).toBe(held);
    const wanted = await signer.snapshot(2n, many(left), first.position, { allowMassRemoval: true });
    expect((await send(wanted)).kind).toBe("taken");
    expect(sink.served.size).toBe(left);
  });

  it("keeps the last good content of a bad record, takes the others, and knows it again after a restart", async () => {
    const first = await signer.snapshot(1n, { "tenant/a": "good", "tenant/b": "1" });
    await send(first);
    const second = await signer.snapshot(
      2n,
      { "tenant/a": "bad", "tenant/b": "2", "tenant/c": "bad" },
      first.position,
    );
    expect(await send(second)).toMatchObject({ kind: "taken", quarantined: ["tenant/a", "tenant/c"] });
    const served = new Map([
      ["tenant/a", "good"],
      ["tenant/b", "2"],
    ]);
    expect(sink.served).toEqual(served);
    await restart();
    expect(sink.served).toEqual(served);
    expect([...configuration.quarantined.keys()].sort()).toEqual(["tenant/a", "tenant/c"]);
    expect(configuration.held?.generation).toBe(2n);

    // Still bad two generations and another restart later: what was good is carried on.
    const third = await signer.snapshot(3n, { "tenant/a": "bad again", "tenant/b": "3" }, second.position);
    expect(await send(third)).toMatchObject({ quarantined: ["tenant/a"] });
    await restart();
    expect(sink.served.get("tenant/a")).toBe("good");
    const fourth = await signer.snapshot(4n, { "tenant/a": "good", "tenant/b": "3" }, third.position);
    expect(await send(fourth)).toMatchObject({ quarantined: [] });
    // It is what was served all the time: nobody is disconnected.
    expect([...(sink.changes.at(-1)?.upsert.keys() ?? [])]).toEqual([]);
    await restart();
    expect(sink.served.get("tenant/a")).toBe("good");
  });

  it("lets go of a record in quarantine when it is removed", async () => {
    const first = await signer.snapshot(1n, { "tenant/a": "good", "tenant/b": "1" });
    await send(first);
    const second = await signer.snapshot(2n, { "tenant/a": "bad", "tenant/b": "1" }, first.position);
    await send(second);
    await send(await signer.snapshot(3n, { "tenant/b": "1" }, second.position));
    expect([...sink.served.keys()]).toEqual(["tenant/b"]);
    expect(configuration.quarantined.size).toBe(0);
    await restart();
    expect([...sink.served.keys()]).toEqual(["tenant/b"]);
  });

  it("takes a thousand records of which one is bad", async () => {
    expect(await send(await signer.snapshot(1n, { ...many(1000), "tenant/worse": "bad" }))).toMatchObject({
      quarantined: ["tenant/worse"],
    });
    expect(sink.served.size).toBe(1000);
  });

  it("serves from disk what it took, in files for its owner only", async () => {
    const first = await signer.snapshot(7n, { "tenant/a": "1" });
    await send(first);
    await restart();
    expect(sink.served).toEqual(new Map([["tenant/a", "1"]]));
    expect(configuration.held).toMatchObject({ generation: 7n });
    expect(errors).toEqual([]);
    const own = join(folder, "configuration");
    expect((await stat(own)).mode & 0o777).toBe(0o700);
    for (const file of await readdir(own)) expect((await stat(join(own, file))).mode & 0o077).toBe(0);
    const kept = await readFile(join(own, "state"));
    expect(kept.includes(Buffer.from(first.envelope))).toBe(true);
    expect(kept.includes(Buffer.from(first.chunks[0] ?? "nothing"))).toBe(true);
  });

  it("serves for ever: an expired keyset, and a removed key, stop only what is new", async () => {
    const soon = BigInt(clock.now() + 1000);
    await configuration.takeKeyset(await signer.keyset({ version: 2n, expiresAtMs: soon }));
    const first = await signer.snapshot(1n, { "tenant/a": "1" });
    await send(first);
    clock.advance(2000);
    const second = await signer.snapshot(2n, { "tenant/a": "2" }, first.position);
    expect(await refusal(send(second))).toBe("KEYSET_EXPIRED");
    await restart();
    expect(sink.served.get("tenant/a")).toBe("1");

    await configuration.takeKeyset(await signer.keyset({ version: 3n, keys: [signer.otherConfig.raw] }));
    expect(await refusal(send(second))).toBe("SIGNATURE");
    await restart();
    expect(sink.served.get("tenant/a")).toBe("1");
    expect(configuration.keysetVersion).toBe(3n);
    const third = await signer.snapshot(2n, { "tenant/a": "3" }, first.position, {
      signer: signer.otherConfig.signer,
    });
    expect((await send(third)).kind).toBe("taken");
  });

  it("goes to a lower generation only in an epoch that the root keys have raised", async () => {
    const first = await signer.snapshot(50n, { "tenant/a": "1" });
    await send(first);
    await configuration.takeKeyset(await signer.keyset({ version: 2n, minEpoch: 2n }));
    expect(await refusal(send(await signer.snapshot(51n, { "tenant/a": "2" }, first.position)))).toBe(
      "OLDER",
    );
    const restored = await signer.snapshot(3n, { "tenant/a": "restored" }, undefined, { epoch: 2n });
    expect((await send(restored)).kind).toBe("taken");
    await restart();
    expect(configuration.held).toMatchObject({ epoch: 2n, generation: 3n });
  });

  it("takes no older keyset, not even when the file of the newer one is gone", async () => {
    await configuration.takeKeyset(await signer.keyset({ version: 4n }));
    const older = await signer.keyset({ version: 3n });
    expect(await refusal(configuration.takeKeyset(older))).toBe("KEYSET_OLDER");
    await rm(join(folder, "configuration", "keyset"));
    await restart();
    expect(await refusal(configuration.takeKeyset(older))).toBe("KEYSET_OLDER");
    const forged = new TestSigner();
    expect(await refusal(configuration.takeKeyset(await forged.keyset({ version: 9n })))).toBe("SIGNATURE");
  });

  it("treats a state with any byte altered as none, loudly, but for the keyset beside it, and takes nothing older in its place", async () => {
    const first = await signer.snapshot(3n, { "tenant/a": "1" });
    await send(first);
    const path = join(folder, "configuration", "state");
    const good = await readFile(path);
    const keyset = await readFile(join(folder, "configuration", "keyset"));
    const keysetAt = good.indexOf(keyset);
    for (let at = 0; at < good.length; at += 1) {
      const altered = Buffer.from(good);
      altered[at] = (altered[at] ?? 0) ^ 1;
      await writeFile(path, altered);
      await restart();
      if (at >= keysetAt && at < keysetAt + keyset.length) {
        // The keyset in force says by itself whose signature counts.
        expect(sink.served.get("tenant/a"), `byte ${at}`).toBe("1");
        continue;
      }
      expect(configuration.held, `byte ${at}`).toBeUndefined();
      expect(sink.changes).toEqual([]);
      expect(errors.length).toBeGreaterThan(0);
    }
    for (const end of [0, 4, 8, 20, good.length - 1]) {
      await writeFile(path, good.subarray(0, end));
      await restart();
      expect(configuration.held, `cut at ${end}`).toBeUndefined();
    }
    expect(await refusal(send(await signer.snapshot(2n, { "tenant/a": "0" })))).toBe("OLDER");
    expect(await refusal(send(await signer.snapshot(3n, { "tenant/a": "other" })))).toBe("FORK");
    expect((await send(first)).kind).toBe("taken");
    await restart();
    expect(sink.served.get("tenant/a")).toBe("1");
  });

  it("keeps the higher mark when a crash came between the state and the mark", async () => {
    const first = await signer.snapshot(3n, { "tenant/a": "1" });
    await send(first);
    const mark = await readFile(join(folder, "configuration", "mark"));
    const second = await signer.snapshot(4n, { "tenant/a": "2" }, first.position);
    await send(second);
    await writeFile(join(folder, "configuration", "mark"), mark);
    await restart();
    expect(configuration.held?.generation).toBe(4n);
    await writeFile(join(folder, "configuration", "state"), "");
    await restart();
    expect(await refusal(send(await signer.snapshot(3n, { "tenant/a": "1" })))).toBe("OLDER");
  });

  it("does not serve a state that is behind the mark: somebody has put it back", async () => {
    const first = await signer.snapshot(3n, { "tenant/a": "1" });
    await send(first);
    const older = await readFile(join(folder, "configuration", "state"));
    await send(await signer.snapshot(4n, { "tenant/a": "2" }, first.position));
    await writeFile(join(folder, "configuration", "state"), older);
    await restart();
    expect(configuration.held).toBeUndefined();
    expect(errors).toContain("the stored configuration cannot be used; the control plane is asked for it");
    expect(await refusal(send(first))).toBe("OLDER");
  });

  it("says so when the mark is damaged, and serves all the same", async () => {
    await send(await signer.snapshot(3n, { "tenant/a": "1" }));
    await writeFile(join(folder, "configuration", "mark"), '{"generation":"1"}\nnonsense\n');
    await restart();
    expect(errors).toContain("the stored mark cannot be used: older configuration cannot be told");
    expect(sink.served.get("tenant/a")).toBe("1");
    expect(await refusal(send(await signer.snapshot(2n, { "tenant/a": "0" })))).toBe("OLDER");
  });

  it("leaves the old state in force when the disk does not take the new one", async () => {
    const first = await signer.snapshot(1n, { "tenant/a": "1" });
    await send(first);
    // A folder where the temporary file should be: as good as a full disk.
    await rm(join(folder, "configuration", "state.new"), { recursive: true, force: true });
    await mkdir(join(folder, "configuration", "state.new"));
    const second = await signer.snapshot(2n, { "tenant/a": "2" }, first.position);
    expect(await refusal(send(second))).toBe("NOT_DURABLE");
    expect(sink.served.get("tenant/a")).toBe("1");
    expect(configuration.held?.generation).toBe(1n);
    await rm(join(folder, "configuration", "state.new"), { recursive: true });
    expect((await send(second)).kind).toBe("taken");
  });

  it("tries again what could not be applied", async () => {
    const first = await signer.snapshot(1n, { "tenant/a": "1" });
    await send(first);
    const second = await signer.snapshot(2n, { "tenant/a": "2" }, first.position);
    sink.broken = true;
    expect(await refusal(send(second))).toBe("NOT_APPLIED");
    expect(configuration.held?.generation).toBe(1n);
    sink.broken = false;
    expect((await send(second)).kind).toBe("taken");
    expect(sink.served.get("tenant/a")).toBe("2");
  });

  it("opens with the data key what waited for it, now and after a restart, and never in clear on disk", async () => {
    await send(await signer.snapshot(1n, { "tenant/a": "sealed" }));
    expect(configuration.quarantined.get("tenant/a")).toBe("no data key");
    const keyring = await signer.keyring(INSTANCE, rawNodePublicKey(node.key));
    await configuration.takeKeyring(keyring);
    expect(sink.served.get("tenant/a")).toBe("sealed");
    expect(configuration.quarantined.size).toBe(0);
    await restart();
    expect(configuration.dataKeyIds).toEqual([signer.dataKey.id]);
    expect(sink.served.get("tenant/a")).toBe("sealed");
    for (const file of await readdir(join(folder, "configuration"))) {
      const bytes = await readFile(join(folder, "configuration", file));
      expect(bytes.includes(Buffer.from(signer.dataKey.key))).toBe(false);
    }
  });

  it("takes keyrings for itself only, and loses no key to a keyring that lacks it", async () => {
    const own = rawNodePublicKey(node.key);
    expect(await refusal(configuration.takeKeyring(await signer.keyring("somebody-else", own)))).toBe(
      "KEYRING",
    );
    const foreign = rawNodePublicKey(makeNodeKey().key);
    expect(await refusal(configuration.takeKeyring(await signer.keyring(INSTANCE, foreign)))).toBe("KEYRING");
    await configuration.takeKeyring(await signer.keyring(INSTANCE, own));
    const next = makeDataKey();
    await configuration.takeKeyring(await signer.keyring(INSTANCE, own, [next]));
    expect(configuration.dataKeyIds.sort()).toEqual([signer.dataKey.id, next.id].sort());
    await configuration.takeKeyring(await signer.keyring(INSTANCE, own, [signer.dataKey, next]));
    await restart();
    expect(configuration.dataKeyIds.sort()).toEqual([signer.dataKey.id, next.id].sort());
  });

  it("counts as fresh only what a new heartbeat confirms", async () => {
    const first = await signer.snapshot(1n, { "tenant/a": "1" });
    await send(first);
    const { position } = first;
    expect(configuration.freshness.ageMs).toBeUndefined();
    expect(
      await configuration.takeHeartbeat(await signer.heartbeat({ ...position, generation: 2n }, 1n)),
    ).toBe(false);
    expect(configuration.freshness.ageMs).toBeUndefined();
    const heartbeat = await signer.heartbeat(position, 2n);
    expect(await configuration.takeHeartbeat(heartbeat)).toBe(true);
    clock.advance(5000);
    expect(await configuration.takeHeartbeat(heartbeat)).toBe(false);
    expect(configuration.freshness.ageMs).toBe(5000);
  });

  it("shows what was signed about how far it has come: the state's own envelope, the heartbeat once there is one", async () => {
    expect(configuration.proof).toBeUndefined();
    const first = await signer.snapshot(1n, { "tenant/a": "1" });
    await send(first);
    const isShown = (envelope: Uint8Array): boolean =>
      Buffer.compare(configuration.proof ?? new Uint8Array(), envelope) === 0;
    expect(isShown(first.envelope)).toBe(true);
    await restart();
    expect(isShown(first.envelope)).toBe(true);
    const heartbeat = await signer.heartbeat(first.position, 2n);
    await configuration.takeHeartbeat(heartbeat);
    expect(isShown(heartbeat)).toBe(true);
    const second = await signer.delta(first.position, { "tenant/a": "1" }, 2n, { "tenant/a": "2" });
    await configuration.takeDelta(second.envelope);
    expect(isShown(second.envelope)).toBe(true);
    // Also when the state is lost: the mark is what it speaks of.
    await writeFile(join(folder, "configuration", "state"), "");
    await restart();
    expect(isShown(second.envelope)).toBe(true);
    expect(configuration.mark?.generation).toBe(2n);
  });

  it("keeps the heartbeat that confirms a state whose own envelope is too large to be shown", async () => {
    const first = await signer.snapshot(1n, { "tenant/a": "1" });
    await send(first);
    const after = { "tenant/a": "2".repeat(100_000) };
    const large = await signer.delta(first.position, { "tenant/a": "1" }, 2n, after);
    await configuration.takeDelta(large.envelope);
    expect(configuration.proof).toBeUndefined();
    const heartbeat = await signer.heartbeat(large.position, 2n);
    await configuration.takeHeartbeat(heartbeat);
    await restart();
    expect(Buffer.compare(configuration.proof ?? new Uint8Array(), heartbeat)).toBe(0);
  });

  it("refuses a heartbeat of another scope, an expired one, and one that tells of a fork", async () => {
    const first = await signer.snapshot(1n, { "tenant/a": "1" });
    await send(first);
    const { position } = first;
    const beat = async (envelope: Promise<Uint8Array>): Promise<string> => {
      const bytes = await envelope;
      return refusal(configuration.takeHeartbeat(bytes));
    };
    expect(await beat(signer.heartbeat(position, 1n, undefined, "region:there"))).toBe("WRONG_SCOPE");
    expect(await beat(signer.heartbeat(position, 2n, BigInt(clock.now() - 10 * 60_000)))).toBe("EXPIRED");
    expect(await beat(signer.heartbeat({ ...position, root: Buffer.alloc(32) }, 3n))).toBe("FORK");
    expect(configuration.freshness.ageMs).toBeUndefined();
  });
});
