import type { KeyObject } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BundleRefused, type TrustedKeys, type VerifiedBytes } from "@sluice/shared/bundle";
import type { Logger } from "@sluice/shared/observability";
import { makeNodeKey } from "@sluice/shared/secrets";
import { FakeClock } from "@sluice/shared/time";
import { Configuration, type Intake } from "./configuration.js";
import type { Position } from "./position.js";
import {
  type Records,
  SCOPE,
  type SignedDelta,
  type SignedSnapshot,
  TestSigner,
} from "./signed-for-tests.js";
import type { AcceptedChange, StateSink } from "./state-sink.js";

export const INSTANCE = "0f0e0d0c-unit-test";

/** Serves text by id; "bad" cannot be used, and "sealed" only with a data key. */
export class TextSink implements StateSink {
  readonly served = new Map<string, string>();
  readonly changes: AcceptedChange[] = [];
  /** Ids, in order. */
  readonly examined: string[] = [];
  broken = false;

  examine(id: string, body: VerifiedBytes, dataKeys: ReadonlyMap<string, Uint8Array>): void {
    this.examined.push(id);
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

  get all(): Record<string, string> {
    return Object.fromEntries([...this.served].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** A configuration in a folder of its own, and who signs for it. */
export class ConfigurationRig {
  readonly signer = new TestSigner();
  readonly clock = new FakeClock();
  readonly folder: string;
  readonly nodeKey: KeyObject = makeNodeKey().key;
  readonly #logger: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: (message) => this.warnings.push(message),
    error: (message) => this.errors.push(message),
    child: () => this.#logger,
  };
  /** Of the environment, from the next start on. */
  rootKeys: TrustedKeys = this.signer.rootKeys;
  sink = new TextSink();
  errors: string[] = [];
  warnings: string[] = [];
  #configuration: Configuration | undefined;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<ConfigurationRig> {
    const rig = new ConfigurationRig(await mkdtemp(join(tmpdir(), "sluice-configuration-")));
    await rig.restart();
    await rig.configuration.takeKeyset(await rig.signer.keyset());
    return rig;
  }

  get configuration(): Configuration {
    if (this.#configuration === undefined) throw new Error("not open");
    return this.#configuration;
  }

  /** As a process that starts again in the same folder. */
  async restart(build = "one"): Promise<void> {
    this.sink = new TextSink();
    this.errors = [];
    this.warnings = [];
    this.#configuration = await Configuration.open({
      folder: join(this.folder, "configuration"),
      scope: SCOPE,
      instance: INSTANCE,
      nodeKey: this.nodeKey,
      rootKeys: this.rootKeys,
      sink: this.sink,
      build,
      clock: this.clock,
      logger: this.#logger,
    });
  }

  file(name: string): string {
    return join(this.folder, "configuration", name);
  }

  async snapshot({ envelope, chunks }: SignedSnapshot): Promise<Intake> {
    let intake = await this.configuration.takeManifest(envelope);
    for (const chunk of chunks) intake = await this.configuration.takeChunk(chunk);
    return intake;
  }

  delta({ envelope }: Pick<SignedDelta, "envelope">): Promise<Intake> {
    return this.configuration.takeDelta(envelope);
  }

  /** A snapshot of these records as generation 1, taken. */
  async begin(records: Records): Promise<Position> {
    const first = await this.signer.snapshot(1n, records);
    await this.snapshot(first);
    return first.position;
  }

  /** Deltas through these states, taken; the last position. */
  async follow(from: Position, ...states: readonly Records[]): Promise<Position> {
    let position = from;
    for (const [index, after] of states.slice(1).entries()) {
      const delta = await this.signer.delta(position, states[index] ?? {}, position.generation + 1n, after);
      await this.delta(delta);
      position = delta.position;
    }
    return position;
  }

  close(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

/** The code of a refusal, or "taken". */
export async function refusal(act: Promise<unknown>): Promise<string> {
  try {
    await act;
  } catch (error) {
    if (error instanceof BundleRefused) return error.refusal;
    throw error;
  }
  return "taken";
}
