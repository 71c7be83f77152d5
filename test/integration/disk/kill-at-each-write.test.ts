import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Configuration } from "@sluice/data-plane/subscription/configuration";
import type { Position } from "@sluice/data-plane/subscription/position";
import { SCOPE, TestSigner } from "@sluice/data-plane/subscription/signed-for-tests";
import { workspace } from "@sluice/local/workspace";
import { makeDataKey, makeNodeKey, rawNodePublicKey } from "@sluice/shared/secrets";
import { systemClock } from "@sluice/shared/time";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RecordingLogger } from "../stream/recording-logger.js";
import type { ConfigurationTask } from "./configuration-process.js";
import { type Message, TextSink } from "./text-sink.js";

const INSTANCE = "killed-instance";
const COMPILED = join(workspace, "test/dist/integration/disk");
const AT_ONCE = 2;
/** So large that the journal is folded into the state file behind some of them. */
const LARGE_BYTES = 400_000;

type Records = Readonly<Record<string, string>>;

interface Step extends Message {
  /** What is held once it was taken, all of it. */
  readonly leadsTo: { readonly position: Position; readonly records: Records } | undefined;
}

/** Everything that is ever written: keysets, keyrings, snapshots, deltas, quarantine, compaction, another snapshot. */
async function makeHistory(signer: TestSigner, nodePublicKey: Uint8Array): Promise<readonly Step[]> {
  const steps: Step[] = [];
  const add = (kind: Message["kind"], bytes: Uint8Array, leadsTo?: Step["leadsTo"]): void => {
    steps.push({ kind, bytes, leadsTo });
  };
  const keyring = (...keys: ReturnType<typeof makeDataKey>[]) =>
    signer.keyring(INSTANCE, nodePublicKey, keys);
  const [first, second] = [makeDataKey(), makeDataKey()];
  const large = (name: string): string => `${name} ${randomBytes(LARGE_BYTES / 2).toString("hex")}`;
  let records: Records = { "tenant/a": "a of the first", "tenant/b": "b of the first" };
  add("keyset", await signer.keyset());
  add("keyring", await keyring(first));
  const begin = await signer.snapshot(1n, records);
  add("snapshot", begin.envelope);
  for (const chunk of begin.chunks) add("chunk", chunk, { position: begin.position, records });
  let { position } = begin;
  const lead = async (after: Records): Promise<void> => {
    const delta = await signer.delta(position, records, position.generation + 1n, after);
    ({ position } = delta);
    records = after;
    add("delta", delta.envelope, { position, records });
  };
  await lead({ ...records, "tenant/c": "c is new" });
  await lead({ ...records, "tenant/b": "bad, so the last good one is served" });
  add("keyset", await signer.keyset({ version: 2n }));
  add("keyring", await keyring(second, first));
  for (const name of ["one", "two", "three", "four"]) await lead({ ...records, "tenant/large": large(name) });
  await lead({ "tenant/b": "b is good again", "tenant/c": "c is new", "tenant/large": "small" });
  const end = { "tenant/c": "c of the end", "tenant/d": "d of the end" };
  const last = await signer.snapshot(position.generation + 5n, end, position);
  add("snapshot", last.envelope);
  for (const chunk of last.chunks) add("chunk", chunk, { position: last.position, records: end });
  return steps;
}

interface Moment {
  readonly operation: string;
  readonly at: number;
  readonly halfway: boolean;
}

/** The first two and the last of each kind of operation on each file: the others are the same again. */
function momentsOf(operations: readonly string[]): Moment[] {
  const places = new Map<string, number[]>();
  for (const [index, operation] of operations.entries()) {
    const known = places.get(operation);
    if (known === undefined) places.set(operation, [index]);
    else known.push(index);
  }
  return [...places].flatMap(([operation, indices]) => {
    const chosen = new Set([...indices.slice(0, 2), ...indices.slice(-1)]);
    return [...chosen].flatMap((index) => [
      { operation, at: index + 1, halfway: false },
      ...(operation.startsWith("write ") ? [{ operation, at: index + 1, halfway: true }] : []),
    ]);
  });
}

describe("a data plane that is killed", () => {
  const signer = new TestSigner();
  const nodeKey = makeNodeKey();
  let folder: string;
  let steps: readonly Step[];
  let made = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "sluice-killed-"));
    steps = await makeHistory(signer, rawNodePublicKey(nodeKey.key));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const states = () => steps.flatMap(({ leadsTo }) => leadsTo ?? []);

  /** Runs a process that takes the history. @returns what it told, and how it ended */
  async function run(at?: number, halfway = false) {
    made += 1;
    const own = join(folder, `run-${made}`);
    mkdirSync(own);
    const data = join(own, "configuration");
    const task: ConfigurationTask = {
      folder: data,
      scope: SCOPE,
      instance: INSTANCE,
      nodeKey: nodeKey.pem,
      rootKey: Buffer.from(signer.root.raw).toString("base64"),
      messages: steps.map(({ kind, bytes }) => [kind, Buffer.from(bytes).toString("base64")] as const),
    };
    const taskPath = join(own, "task.json");
    writeFileSync(taskPath, JSON.stringify(task));
    const program = [
      "--import",
      join(COMPILED, "dying-files.js"),
      join(COMPILED, "configuration-process.js"),
    ];
    const child = spawn(process.execPath, [...program, taskPath], {
      env: {
        ...process.env,
        DYING_FOLDER: data,
        ...(at === undefined ? {} : { DYING_AT: String(at) }),
        ...(halfway ? { DYING_HALFWAY: "1" } : {}),
      },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let told = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      told += text;
    });
    const ended = await new Promise<string>((resolve) => {
      child.once("close", (code, signal) => resolve(signal ?? String(code)));
    });
    const acked = [...told.matchAll(/^acked (\d+)$/gm)].map(([, generation]) => BigInt(generation ?? 0));
    const operations = JSON.parse(/^operations (.*)$/m.exec(told)?.[1] ?? "[]") as string[];
    return { own, data, ended, acked: acked.at(-1) ?? 0n, operations };
  }

  async function reopen(data: string) {
    const [sink, logger] = [new TextSink(), new RecordingLogger()];
    const configuration = await Configuration.open({
      build: "test",
      ...{ folder: data, scope: SCOPE, instance: INSTANCE, nodeKey: nodeKey.key, rootKeys: signer.rootKeys },
      ...{ sink, clock: systemClock, logger },
    });
    return { configuration, sink, logger };
  }

  const shortened = (records: Records): Record<string, string> =>
    Object.fromEntries(Object.entries(records).map(([id, text]) => [id, text.slice(0, 40)]));

  /** What has to be true of every folder that such a process has left behind. */
  async function isWhole(what: string, data: string, acked: bigint): Promise<void> {
    const { configuration, sink, logger } = await reopen(data);
    const errors = logger.entries.filter(({ level }) => level === "error").map(({ message }) => message);
    expect(
      errors.filter((message) => message !== "a record cannot be used and is in quarantine"),
      what,
    ).toEqual([]);
    // Nothing that was acked is lost, and what is there is one of the states that were signed, whole.
    const held = configuration.held?.generation ?? 0n;
    expect(held >= acked, `${what}: holds ${held}, has acked ${acked}`).toBe(true);
    const state = states().find(({ position }) => position.generation === held);
    const served = shortened(state?.records ?? {});
    if (served["tenant/b"]?.startsWith("bad") === true) served["tenant/b"] = "b of the first";
    expect(sink.served, what).toEqual(served);
    // And it goes on from there to the end, as the control plane would lead it.
    const from = steps.findIndex(({ leadsTo }) => leadsTo?.position.generation === held);
    for (const { kind, bytes } of steps.filter(({ kind }) => kind === "keyset")) {
      if (kind === "keyset") await configuration.takeKeyset(bytes).catch(() => undefined);
    }
    for (const { kind, bytes } of steps.slice(from + 1)) {
      if (kind === "keyring") await configuration.takeKeyring(bytes);
      else if (kind === "snapshot") await configuration.takeManifest(bytes);
      else if (kind === "chunk") await configuration.takeChunk(bytes);
      else if (kind === "delta") await configuration.takeDelta(bytes);
    }
    const end = states().at(-1);
    expect(sink.served, what).toEqual(end?.records);
    const again = await reopen(data);
    expect(again.sink.served, what).toEqual(end?.records);
    expect(again.configuration.dataKeyIds.length, what).toBeGreaterThan(0);
  }

  it("by SIGKILL in front of any operation on a file, or in the middle of a write, has lost nothing that it acked", {
    timeout: 300_000,
  }, async () => {
    const whole = await run();
    expect(whole.ended).toBe("0");
    await isWhole("not killed", whole.data, whole.acked);
    const { operations } = whole;
    // Each kind of file, and each kind of operation, is among them.
    for (const part of [
      "/keyset.new",
      "/keyrings.new",
      "/state.new",
      "/examined.new",
      "/mark.new",
      "/journal",
    ]) {
      expect(operations.join("\n")).toContain(part);
    }
    for (const kind of ["open", "write", "sync", "datasync", "truncate", "rename", "close"]) {
      expect(operations.some((operation) => operation.startsWith(`${kind} `))).toBe(true);
    }
    const moments = momentsOf(operations);
    const work = async (): Promise<void> => {
      for (let moment = moments.shift(); moment !== undefined; moment = moments.shift()) {
        const { operation, at, halfway } = moment;
        const killed = await run(at, halfway);
        const what = `killed ${halfway ? "in the middle of" : "in front of"} operation ${at}, ${operation}`;
        expect(killed.ended, what).toBe("SIGKILL");
        await isWhole(what, killed.data, killed.acked);
        rmSync(killed.own, { recursive: true, force: true });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  });
});
