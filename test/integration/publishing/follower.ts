import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Held, Holder, Publisher, Since } from "@sluice/control-plane/publishing/index";
import { Configuration } from "@sluice/data-plane/subscription/configuration";
import type { AcceptedChange, StateSink } from "@sluice/data-plane/subscription/index";
import { decodeCluster, decodeTenant, scopeOfRegion, type VerifiedBytes } from "@sluice/shared/bundle";
import { makeNodeKey, rawNodePublicKey, sealDataKey } from "@sluice/shared/secrets";
import { systemClock } from "@sluice/shared/time";
import type { Trust } from "../control-plane/trust.js";
import { RecordingLogger } from "../stream/recording-logger.js";

const GROUP = "tests";
const MOST_ROUNDS = 1000;

/** Serves records: each tenant's host, each cluster's members. */
class Served implements StateSink {
  readonly records = new Map<string, string>();
  readonly changes: AcceptedChange[] = [];

  examine(id: string, body: VerifiedBytes): void {
    textOf(id, body);
  }

  apply(change: AcceptedChange): void {
    this.changes.push(change);
    for (const id of change.remove) this.records.delete(id);
    for (const [id, body] of change.upsert) this.records.set(id, textOf(id, body));
  }
}

function textOf(id: string, body: VerifiedBytes): string {
  if (id.startsWith("tenant/")) return decodeTenant(body).dbHost;
  return decodeCluster(body)
    .members.map(({ tenantExternalId }) => tenantExternalId)
    .join(",");
}

/**
 * What a data plane does with what a publisher gives, without the network between them: all rules of acceptance, and
 * the disk.
 */
export class Follower {
  readonly scope: string;
  readonly name: string;
  readonly logger = new RecordingLogger();
  readonly #folder: string;
  readonly #trust: Trust;
  readonly #nodeKey = makeNodeKey().key;
  #served = new Served();
  #configuration: Configuration | undefined;

  private constructor(region: string, name: string, folder: string, trust: Trust) {
    this.scope = scopeOfRegion(region);
    this.name = name;
    this.#folder = folder;
    this.#trust = trust;
  }

  static async join(region: string, name: string, trust: Trust): Promise<Follower> {
    const folder = await mkdtemp(join(tmpdir(), "sluice-follower-"));
    const follower = new Follower(region, name, folder, trust);
    await follower.restart();
    return follower;
  }

  async restart(): Promise<void> {
    this.#served = new Served();
    this.#configuration = await Configuration.open({
      build: "test",
      folder: join(this.#folder, "configuration"),
      scope: this.scope,
      instance: this.name,
      nodeKey: this.#nodeKey,
      rootKeys: this.#trust.rootKeys,
      sink: this.#served,
      clock: systemClock,
      logger: this.logger,
    });
  }

  get configuration(): Configuration {
    if (this.#configuration === undefined) throw new Error("not open");
    return this.#configuration;
  }

  get generation(): bigint | undefined {
    return this.configuration.held?.generation;
  }

  get changes(): readonly AcceptedChange[] {
    return this.#served.changes;
  }

  get records(): Record<string, string> {
    return Object.fromEntries([...this.#served.records].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  get tenants(): string[] {
    return Object.keys(this.records).flatMap((id) => (id.startsWith("tenant/") ? [id.slice(7)] : []));
  }

  /** Takes what it is sent until nothing more comes. @returns what that was, and the bytes of all deltas. */
  async catchUp(publisher: Publisher): Promise<{ kinds: Since["kind"][]; deltaBytes: number }> {
    await publisher.ensureScope(this.scope);
    await this.configuration.takeKeyset(publisher.keysetEnvelope());
    await this.#takeKeys(publisher);
    const kinds: Since["kind"][] = [];
    let deltaBytes = 0;
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      const since = await publisher.since(this.scope, this.#holder);
      kinds.push(since.kind);
      if (since.kind === "deltas") {
        for (const { envelope } of since.deltas) {
          deltaBytes += envelope.length;
          await this.configuration.takeDelta(envelope);
        }
      } else if (since.kind === "snapshot") {
        await this.configuration.takeManifest(since.snapshot.envelope);
        for await (const chunk of since.snapshot.chunks()) await this.configuration.takeChunk(chunk);
      } else return { kinds, deltaBytes };
    }
    throw new Error("it never ends");
  }

  /** As when the disk has decayed: the state is lost, the mark is not. */
  async loseState(): Promise<void> {
    await rm(join(this.#folder, "configuration", "state"));
    await this.restart();
  }

  close(): Promise<void> {
    return rm(this.#folder, { recursive: true, force: true });
  }

  async #takeKeys(publisher: Publisher): Promise<void> {
    const held = new Set(this.configuration.dataKeyIds);
    const keys = await publisher.dataKeys(this.scope);
    if (keys.every(({ id }) => held.has(id))) return;
    const place = { scope: this.scope, group: GROUP, instance: this.name };
    const recipient = rawNodePublicKey(this.#nodeKey);
    const dataKeys = await Promise.all(keys.map((key) => sealDataKey(key, place, recipient)));
    await this.configuration.takeKeyring(await publisher.signKeyring({ ...place, dataKeys }));
  }

  get #holder(): Holder {
    const { held, mark, proof } = this.configuration;
    return { held: heldOf(held), mark: heldOf(mark), proof, name: `${GROUP}/${this.name}` };
  }
}

function heldOf(position: Configuration["held"]): Held | undefined {
  if (position === undefined) return undefined;
  return { epoch: position.epoch, generation: position.generation, stateRoot: position.root };
}
