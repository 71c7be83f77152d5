import type { KeyObject } from "node:crypto";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
  BundleRefused,
  configKeysFor,
  decodeHeartbeat,
  decodeSnapshotManifest,
  StateTree,
  type TrustedKeys,
  type VerifiedBytes,
  verify,
} from "@sluice/shared/bundle";
import { messageOf } from "@sluice/shared/errors";
import type { Logger } from "@sluice/shared/observability";
import type { Clock } from "@sluice/shared/time";
import { forked, judgeAgainstMark, judgeManifest, judgeRecords, positionOf } from "./acceptance.js";
import { readBundleFile, type StoredSection, writeBundleFile } from "./bundle-file.js";
import { DataKeys } from "./data-keys.js";
import { IncomingSnapshot } from "./incoming-snapshot.js";
import { compareMoments, describePosition, type Position, sameBytes } from "./position.js";
import type { StateSink } from "./state-sink.js";
import { higherMark, NO_MARK, readMark, type StoredMark, writeMark } from "./stored-mark.js";
import { findRecord, joinOrigins, openSection, readWhole } from "./stored-state.js";
import { Trust } from "./trust.js";

export interface ConfigurationOptions {
  /** Its own; made with permissions 0700. */
  readonly folder: string;
  readonly scope: string;
  readonly instance: string;
  readonly nodeKey: KeyObject;
  readonly rootKeys: TrustedKeys;
  readonly sink: StateSink;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What became of a message about the state. */
export type Intake =
  /** In force from now on, and on disk. */
  | { readonly kind: "taken"; readonly position: Position; readonly quarantined: readonly string[] }
  /** Exactly this is in force already. */
  | { readonly kind: "held" }
  /** More chunks belong to it. */
  | { readonly kind: "unfinished" };

/** Signed "now"s of a control plane whose clock differs from ours are still taken. */
const CLOCK_SKEW_MS = 5 * 60_000;

/**
 * The configuration of this data plane: what is trusted, what is in force, and its copy on disk. It knows no
 * network. Calls come one after the other.
 *
 * Held by it: nothing decodes bytes that are not verified; what is in force is on disk; the mark on disk is never
 * lowered; a refusal (BundleRefused) leaves everything as it was.
 */
export class Configuration {
  readonly #options: ConfigurationOptions;
  readonly #trust: Trust;
  readonly #dataKeys: DataKeys;
  #mark: StoredMark;
  #held: Position | undefined;
  /** As signed. */
  #tree = StateTree.empty;
  /** As applied: differs from what was signed by what is in quarantine. */
  #inForce = StateTree.empty;
  #quarantined: ReadonlyMap<string, string> = new Map();
  #incoming: IncomingSnapshot | undefined;
  #offered: Position | undefined;
  #confirmedAtMs: number | undefined;
  #lastHeartbeatIssuedAtMs = 0n;

  private constructor(options: ConfigurationOptions, trust: Trust, dataKeys: DataKeys, mark: StoredMark) {
    this.#options = options;
    this.#trust = trust;
    this.#dataKeys = dataKeys;
    this.#mark = mark;
  }

  /** Reads what is on disk, verifies it again, and applies it. Damage is told loudly and counts as nothing held. */
  static async open(options: ConfigurationOptions): Promise<Configuration> {
    const { folder, rootKeys, logger, scope, instance, nodeKey } = options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
    let mark = NO_MARK;
    try {
      mark = await readMark(join(folder, "mark"));
    } catch (error) {
      logger.error("the stored mark cannot be used: older configuration cannot be told", { error });
    }
    const trust = await Trust.load(join(folder, "keyset"), rootKeys, logger);
    const dataKeys = await DataKeys.load({
      path: join(folder, "keyrings"),
      scope,
      instance,
      nodeKey,
      trust,
      logger,
    });
    const configuration = new Configuration(options, trust, dataKeys, mark);
    await configuration.#restore();
    return configuration;
  }

  get held(): Position | undefined {
    return this.#held;
  }

  /** What the last signed manifest named, whether it was taken or not. */
  get offered(): Position | undefined {
    return this.#offered;
  }

  get keysetVersion(): bigint {
    return this.#trust.version;
  }

  get dataKeyIds(): string[] {
    return [...this.#dataKeys.keys.keys()];
  }

  /** Ids whose newest record cannot be used, with the reason. */
  get quarantined(): ReadonlyMap<string, string> {
    return this.#quarantined;
  }

  /** Ms since a signed heartbeat last said that what is held is the newest; undefined: not yet. */
  get freshnessAgeMs(): number | undefined {
    if (this.#confirmedAtMs === undefined) return undefined;
    return this.#options.clock.monotonic() - this.#confirmedAtMs;
  }

  /** What was begun on a stream that is gone is never finished on another one. */
  forgetIncoming(): void {
    this.#incoming = undefined;
  }

  async takeKeyset(envelope: Uint8Array): Promise<void> {
    if ((await this.#trust.take(envelope, this.#mark.keysetVersion)) === "same") return;
    this.#options.logger.info("keyset taken", { version: String(this.#trust.version) });
    await this.#raiseMark(undefined);
  }

  async takeKeyring(envelope: Uint8Array): Promise<void> {
    const news = await this.#dataKeys.take(envelope, this.#trust.current(this.#options.clock.now()));
    this.#options.logger.info("data keys taken", { keyIds: this.dataKeyIds });
    // What could not be opened may open now.
    if (news && this.#quarantined.size > 0) await this.#restore();
  }

  async takeManifest(envelope: Uint8Array): Promise<Intake> {
    this.#incoming = undefined;
    this.#offered = undefined;
    const { scope, clock } = this.#options;
    const keyset = this.#trust.current(clock.now());
    const manifest = decodeSnapshotManifest(verify(envelope, configKeysFor(keyset, scope), "snapshot"));
    this.#offered = positionOf(manifest);
    const standing = { scope, keyset, mark: this.#mark.position, held: this.#held };
    if (judgeManifest(manifest, standing) === "held") return { kind: "held" };
    const incoming = new IncomingSnapshot(manifest, envelope, keyset);
    if (incoming.complete) return this.#take(incoming);
    this.#incoming = incoming;
    return { kind: "unfinished" };
  }

  async takeChunk(bytes: Uint8Array): Promise<Intake> {
    const incoming = this.#incoming;
    // Chunks of a snapshot that was refused, or is held already.
    if (incoming === undefined) return { kind: "held" };
    try {
      incoming.add(bytes);
    } catch (error) {
      this.#incoming = undefined;
      throw error;
    }
    if (!incoming.complete) return { kind: "unfinished" };
    this.#incoming = undefined;
    return this.#take(incoming);
  }

  /** @returns whether it says that what is held is the newest. @throws BundleRefused */
  takeHeartbeat(envelope: Uint8Array): boolean {
    const { scope, clock } = this.#options;
    const keyset = this.#trust.current(clock.now());
    const heartbeat = decodeHeartbeat(verify(envelope, configKeysFor(keyset, scope), "heartbeat"));
    if (heartbeat.scope !== scope) {
      throw new BundleRefused(
        "WRONG_SCOPE",
        "the heartbeat is for another scope",
        heartbeat.scope.slice(0, 100),
      );
    }
    if (Number(heartbeat.expiresAtMs) + CLOCK_SKEW_MS < clock.now()) {
      throw new BundleRefused(
        "EXPIRED",
        "the heartbeat is too old",
        `it expired at ${new Date(Number(heartbeat.expiresAtMs)).toISOString()}`,
      );
    }
    // One that was seen before, or was overtaken, says nothing new.
    if (heartbeat.issuedAtMs <= this.#lastHeartbeatIssuedAtMs) return false;
    this.#lastHeartbeatIssuedAtMs = heartbeat.issuedAtMs;
    const held = this.#held;
    const { state } = heartbeat;
    if (held === undefined || state === undefined) return false;
    const told = { epoch: heartbeat.epoch, generation: state.generation, root: state.root };
    if (compareMoments(told, held) !== 0) return false;
    if (!sameBytes(told.root, held.root)) throw forked(told, held);
    this.#confirmedAtMs = clock.monotonic();
    return true;
  }

  get #statePath(): string {
    return join(this.#options.folder, "state");
  }

  /** Rules 7 to 11. */
  async #take(incoming: IncomingSnapshot): Promise<Intake> {
    const position = positionOf(incoming.manifest);
    const { tree, bodies } = judgeRecords(incoming.manifest, incoming.records, this.#tree);
    const step = this.#examine(tree, bodies, () => undefined);
    try {
      const origins = await this.#originsOf(step.quarantined.keys());
      await writeBundleFile(this.#statePath, [incoming.section, ...origins]);
    } catch (error) {
      throw new BundleRefused("NOT_DURABLE", "the state cannot be written to disk", undefined, error);
    }
    await this.#raiseMark(position);
    this.#apply(step, tree, position);
    return { kind: "taken", position, quarantined: [...step.quarantined.keys()] };
  }

  async #restore(): Promise<void> {
    const { scope, logger } = this.#options;
    try {
      const sections = (await readBundleFile(this.#statePath)) ?? [];
      const [main] = sections;
      if (main === undefined) return;
      const manifest = openSection(main, this.#trust, scope);
      const position = positionOf(manifest);
      judgeAgainstMark(position, this.#mark.position);
      const { tree, bodies } = judgeRecords(manifest, readWhole(main, manifest), StateTree.empty);
      const lastGood = (id: string): VerifiedBytes | undefined =>
        findRecord(sections.slice(1), id, this.#trust, scope)?.body;
      await this.#raiseMark(position);
      this.#apply(this.#examine(tree, bodies, lastGood), tree, position);
      logger.info("configuration loaded from disk", {
        held: describePosition(position),
        records: tree.size,
        quarantined: this.#quarantined.size,
      });
    } catch (error) {
      logger.error("the stored configuration cannot be used; the control plane is asked for it", {
        path: this.#statePath,
        mark: describePosition(this.#mark.position),
        error,
      });
    }
  }

  /** Rule 9. Decides only; nothing is changed. */
  #examine(
    tree: StateTree,
    bodies: ReadonlyMap<string, VerifiedBytes>,
    lastGood: (id: string) => VerifiedBytes | undefined,
  ): Step {
    const { sink } = this.#options;
    const dataKeys = this.#dataKeys.keys;
    const upsert = new Map<string, VerifiedBytes>();
    const quarantined = new Map<string, string>();
    const examine = (id: string, body: VerifiedBytes | undefined): string | undefined => {
      if (body === undefined) return "it is not there";
      try {
        sink.examine(id, body, dataKeys);
        upsert.set(id, body);
        return undefined;
      } catch (error) {
        return messageOf(error);
      }
    };
    for (const id of tree.changedFrom(this.#inForce)) {
      const reason = examine(id, bodies.get(id));
      if (reason === undefined) continue;
      quarantined.set(id, reason);
      if (!this.#inForce.has(id)) examine(id, lastGood(id));
    }
    return { dataKeys, upsert, quarantined, remove: this.#inForce.missingFrom(tree) };
  }

  /** Rule 11. */
  #apply(step: Step, tree: StateTree, position: Position): void {
    const { sink, logger, scope } = this.#options;
    const { dataKeys, upsert, remove, quarantined } = step;
    const { epoch, generation } = position;
    try {
      sink.apply({ scope, epoch, generation, dataKeys, upsert, remove });
    } catch (error) {
      throw new BundleRefused("NOT_APPLIED", "the state cannot be applied", messageOf(error), error);
    }
    this.#inForce = this.#inForce.with({ upsert, remove });
    this.#tree = tree;
    this.#held = position;
    for (const [id, reason] of quarantined) {
      if (this.#quarantined.get(id) === reason) continue;
      logger.error("a record cannot be used and is in quarantine", {
        id,
        reason,
        served: this.#inForce.has(id),
      });
    }
    this.#quarantined = quarantined;
  }

  /** Where the records come from that stay in force for those in quarantine. */
  async #originsOf(quarantined: Iterable<string>): Promise<StoredSection[]> {
    const kept = [...quarantined].filter((id) => this.#inForce.has(id));
    if (kept.length === 0) return [];
    const [main, ...older] = (await readBundleFile(this.#statePath)) ?? [];
    const origins: StoredSection[] = [];
    for (const id of kept) {
      const sections = this.#quarantined.has(id) || main === undefined ? older : [main];
      const found = findRecord(sections, id, this.#trust, this.#options.scope);
      if (found !== undefined) origins.push(found.origin);
    }
    return joinOrigins(origins);
  }

  async #raiseMark(position: Position | undefined): Promise<void> {
    const mark = higherMark(this.#mark, position, this.#trust.version);
    if (mark.position === this.#mark.position && mark.keysetVersion === this.#mark.keysetVersion) return;
    try {
      await writeMark(join(this.#options.folder, "mark"), mark);
    } catch (error) {
      throw new BundleRefused("NOT_DURABLE", "the mark cannot be written to disk", undefined, error);
    }
    this.#mark = mark;
  }
}

interface Step {
  readonly dataKeys: ReadonlyMap<string, Uint8Array>;
  readonly upsert: ReadonlyMap<string, VerifiedBytes>;
  readonly quarantined: ReadonlyMap<string, string>;
  readonly remove: readonly string[];
}
