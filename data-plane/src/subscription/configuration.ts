import type { KeyObject } from "node:crypto";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
  BundleRefused,
  configKeysFor,
  decodeDelta,
  decodeHeartbeat,
  decodeSnapshotManifest,
  StateTree,
  type TrustedKeys,
  type VerifiedBytes,
  type VerifiedDelta,
  verify,
} from "@sluice/shared/bundle";
import { messageOf } from "@sluice/shared/errors";
import type { Logger } from "@sluice/shared/observability";
import type { Clock } from "@sluice/shared/time";
import {
  judgeAgainstMark,
  judgeChange,
  judgeDelta,
  judgeManifest,
  judgeRecords,
  positionOf,
  positionsOf,
} from "./acceptance.js";
import { DataKeys } from "./data-keys.js";
import { readExamination, stillHolds, writeExamination } from "./examination.js";
import { Freshness } from "./freshness.js";
import { IncomingSnapshot } from "./incoming-snapshot.js";
import { describePosition, type Position, samePosition } from "./position.js";
import { type RestoredState, StateFiles } from "./state-files.js";
import type { StateSink } from "./state-sink.js";
import {
  higherMark,
  NO_MARK,
  type ProvenPosition,
  readMark,
  type StoredMark,
  writeMark,
} from "./stored-mark.js";
import { Trust } from "./trust.js";

export interface ConfigurationOptions {
  /** Its own; made with permissions 0700. */
  readonly folder: string;
  readonly scope: string;
  readonly instance: string;
  readonly nodeKey: KeyObject;
  readonly rootKeys: TrustedKeys;
  readonly sink: StateSink;
  /** What one build can use another one may not: records are examined anew. */
  readonly build: string;
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
  readonly #files: StateFiles;
  readonly #freshness: Freshness;
  #mark: StoredMark;
  #held: Position | undefined;
  /** As signed. */
  #tree = StateTree.empty;
  /** As applied: differs from what was signed by what is in quarantine. */
  #inForce = StateTree.empty;
  #quarantined: ReadonlyMap<string, string> = new Map();
  #incoming: IncomingSnapshot | undefined;
  #offered: Position | undefined;
  /** The last heartbeat that confirmed what is held. */
  #confirmation: ProvenPosition | undefined;

  private constructor(options: ConfigurationOptions, trust: Trust, dataKeys: DataKeys, mark: StoredMark) {
    this.#options = options;
    this.#trust = trust;
    this.#dataKeys = dataKeys;
    this.#mark = mark;
    const { folder, scope, clock, logger } = options;
    this.#files = new StateFiles({ folder, scope, trust, logger });
    this.#freshness = new Freshness(clock);
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

  /** How far it has ever come. */
  get mark(): Position | undefined {
    return this.#mark.position;
  }

  /** The signed envelope that names the mark: of all that were taken the smallest, which is a heartbeat. */
  get proof(): Uint8Array | undefined {
    const { position, proof } = this.#mark;
    const confirmed = this.#confirmation;
    return samePosition(confirmed?.position, position) ? (confirmed?.envelope ?? proof) : proof;
  }

  /** What the last signed manifest or delta named, whether it was taken or not. */
  get offered(): Position | undefined {
    return this.#offered;
  }

  get keysetVersion(): bigint {
    return this.#trust.version;
  }

  /** Past it nothing new is taken. Ms since the epoch; undefined: no keyset is held. */
  get keysetExpiresAtMs(): number | undefined {
    return this.#trust.expiresAtMs;
  }

  get dataKeyIds(): string[] {
    return [...this.#dataKeys.keys.keys()];
  }

  /** Ids whose newest record cannot be used, with the reason. */
  get quarantined(): ReadonlyMap<string, string> {
    return this.#quarantined;
  }

  get freshness(): Freshness {
    return this.#freshness;
  }

  /** Whether the last heartbeat spoke of a newer state than the one in force. */
  get isBehind(): boolean {
    return this.#freshness.knowsNewerThan(this.#held);
  }

  /** What was begun on a stream that is gone is never finished on another one. */
  forgetIncoming(): void {
    this.#incoming = undefined;
  }

  /** @returns whether it is another one than before @throws BundleRefused */
  async takeKeyset(envelope: Uint8Array): Promise<boolean> {
    if ((await this.#trust.take(envelope, this.#mark.keysetVersion)) === "same") return false;
    this.#options.logger.info("keyset taken", { version: String(this.#trust.version) });
    await this.#raiseMark(undefined);
    return true;
  }

  async takeKeyring(envelope: Uint8Array): Promise<void> {
    const news = await this.#dataKeys.take(envelope, this.#trust.current(this.#options.clock.now()));
    this.#options.logger.info("data keys taken", { keyIds: this.dataKeyIds });
    // What could not be opened may open now.
    if (news && this.#quarantined.size > 0) await this.#restore();
    await this.#giveUpKeys();
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

  async takeDelta(envelope: Uint8Array): Promise<Intake> {
    this.#incoming = undefined;
    this.#offered = undefined;
    const { scope, clock } = this.#options;
    const keyset = this.#trust.current(clock.now());
    const delta = decodeDelta(verify(envelope, configKeysFor(keyset, scope), "delta"));
    const position = positionsOf(delta).to;
    this.#offered = position;
    if (judgeDelta(delta, { scope, keyset, mark: this.#mark.position, held: this.#held }) === "held") {
      return { kind: "held" };
    }
    const tree = judgeChange(delta, this.#tree);
    const step = this.#examineDelta(delta);
    await durably("the delta", this.#files.append({ keyset: keyset.envelope, delta: envelope }));
    await this.#raiseMark({ position, envelope });
    this.#apply(step, tree, position);
    if (this.#files.wantsCompaction) {
      await this.#compact();
      await this.#giveUpKeys();
    }
    return { kind: "taken", position, quarantined: [...step.quarantined.keys()] };
  }

  /** @returns whether it says that what is held is the newest. @throws BundleRefused */
  async takeHeartbeat(envelope: Uint8Array): Promise<boolean> {
    const { scope, clock } = this.#options;
    const keyset = this.#trust.current(clock.now());
    const heartbeat = decodeHeartbeat(verify(envelope, configKeysFor(keyset, scope), "heartbeat"));
    const position = this.#held;
    if (!this.#freshness.take(heartbeat, scope, position) || position === undefined) return false;
    this.#confirmation = { position, envelope };
    // Where the state's own envelope was too large.
    if (this.#mark.proof === undefined) await this.#raiseMark(this.#confirmation);
    return true;
  }

  /** Rules 7 to 11. */
  async #take(incoming: IncomingSnapshot): Promise<Intake> {
    const position = positionOf(incoming.manifest);
    const { tree, bodies } = judgeRecords(incoming.manifest, incoming.records, this.#tree);
    const step = this.#examine(tree, bodies, undefined);
    await durably(
      "the state",
      this.#files.replace(incoming.section, this.#servedAllTheSame(step.quarantined), this.#inForce),
    );
    await this.#noteExamined(tree, step.quarantined.keys());
    await this.#raiseMark({ position, envelope: incoming.envelope });
    this.#apply(step, tree, position);
    await this.#giveUpKeys();
    return { kind: "taken", position, quarantined: [...step.quarantined.keys()] };
  }

  /**
   * Data keys that were replaced, once nothing on disk is sealed by them any more: a key that is not held opens nothing
   * for whoever comes in later. While anything needs one, or that cannot be told, all stay.
   */
  async #giveUpKeys(): Promise<void> {
    if (!this.#dataKeys.hasOlder || this.#held === undefined) return;
    const { logger } = this.#options;
    try {
      if (this.#files.hasJournal) await this.#compact();
      const keyIds = await this.#dataKeys.keepOnly(await this.#files.sealingKeys());
      if (keyIds.length === 0) return;
      logger.info("data keys given up: nothing is sealed by them any more", { keyIds });
      if (!this.#files.hasJournal) await this.#noteExamined(this.#tree, this.#quarantined.keys());
    } catch (error) {
      logger.warn("replaced data keys cannot be given up yet", { error });
    }
  }

  async #restore(): Promise<void> {
    const { logger } = this.#options;
    try {
      const stored = await this.#files.read();
      if (stored === undefined) return;
      const { position, envelope, tree, records } = stored;
      judgeAgainstMark(position, this.#mark.position);
      await this.#raiseMark({ position, envelope });
      const isKnownGood = await this.#knownGood(stored);
      const step = this.#examine(tree, records, { stored, isKnownGood });
      this.#apply(step, tree, position);
      const inDoubt = new Set([...step.quarantined.keys(), ...stored.changedSince.keys()]);
      // Some are known to be good now.
      if (step.examined > inDoubt.size) await this.#noteExamined(stored.written, inDoubt);
      logger.info("configuration loaded from disk", {
        held: describePosition(position),
        records: tree.size,
        examined: step.examined,
        quarantined: this.#quarantined.size,
      });
    } catch (error) {
      logger.error("the stored configuration cannot be used; the control plane is asked for it", {
        path: this.#files.path,
        mark: describePosition(this.#mark.position),
        error,
      });
    }
  }

  /** What is in force stays in force, and on disk, when it fails: then it is tried again with the next delta. */
  async #compact(): Promise<void> {
    try {
      const served = this.#servedAllTheSame(this.#quarantined);
      await this.#files.compact(this.#tree, served, this.#inForce);
      await this.#noteExamined(this.#tree, this.#quarantined.keys());
    } catch (error) {
      this.#options.logger.error("the state on disk cannot be made smaller", { error });
    }
  }

  /** Rule 9. Decides only; nothing is changed. */
  #examine(
    tree: StateTree,
    bodies: ReadonlyMap<string, VerifiedBytes>,
    restored: Restored | undefined,
  ): Step {
    const upsert = new Map<string, VerifiedBytes>();
    const quarantined = new Map<string, string>();
    let examined = 0;
    for (const id of tree.changedFrom(this.#inForce)) {
      const body = bodies.get(id);
      if (body !== undefined && restored?.isKnownGood(id) === true) {
        upsert.set(id, body);
        continue;
      }
      examined += 1;
      const problem = body === undefined ? "it is not there" : this.#problemOf(id, body);
      if (problem === undefined) {
        if (body !== undefined) upsert.set(id, body);
        continue;
      }
      quarantined.set(id, problem);
      if (this.#inForce.has(id)) continue;
      const good = restored?.stored.before(id).find((content) => this.#problemOf(id, content) === undefined);
      if (good !== undefined) upsert.set(id, good);
    }
    const remove = this.#inForce.missingFrom(tree);
    return { dataKeys: this.#dataKeys.keys, upsert, quarantined, remove, examined };
  }

  /** The same of what a delta touches; everything else is as it was. */
  #examineDelta(delta: VerifiedDelta): Step {
    const upsert = new Map<string, VerifiedBytes>();
    const quarantined = new Map(this.#quarantined);
    for (const id of delta.remove) quarantined.delete(id);
    for (const { id, body } of delta.upsert) {
      const problem = this.#problemOf(id, body);
      if (problem !== undefined) quarantined.set(id, problem);
      else {
        quarantined.delete(id);
        if (!this.#inForce.holds(id, body)) upsert.set(id, body);
      }
    }
    const remove = delta.remove.filter((id) => this.#inForce.has(id));
    return { dataKeys: this.#dataKeys.keys, upsert, quarantined, remove, examined: delta.upsert.length };
  }

  #problemOf(id: string, body: VerifiedBytes): string | undefined {
    try {
      this.#options.sink.examine(id, body, this.#dataKeys.keys);
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
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
    // With nothing in quarantine the two are one, and cost memory once.
    this.#inForce = quarantined.size === 0 ? tree : this.#inForce.with({ upsert, remove });
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

  /** Those in quarantine whose last good content stays in force, and so has to stay on disk. */
  #servedAllTheSame(quarantined: ReadonlyMap<string, string>): ReadonlySet<string> {
    return new Set([...quarantined.keys()].filter((id) => this.#inForce.has(id)));
  }

  /** @param written the state file's records @param inDoubt those that cannot be used, or were not looked at */
  async #noteExamined(written: StateTree, inDoubt: Iterable<string>): Promise<void> {
    const { build, logger } = this.#options;
    const examination = { build, root: written.root, dataKeyIds: this.dataKeyIds, inDoubt: new Set(inDoubt) };
    try {
      await writeExamination(this.#examinationPath, examination);
    } catch (error) {
      logger.warn("what was examined cannot be noted: the next start takes longer", { error });
    }
  }

  async #knownGood({ written, changedSince }: RestoredState): Promise<(id: string) => boolean> {
    const { build, logger } = this.#options;
    try {
      const noted = await readExamination(this.#examinationPath);
      if (noted !== undefined && stillHolds(noted, written, { build, dataKeys: this.#dataKeys.keys }))
        return (id) => !changedSince.has(id) && !noted.inDoubt.has(id);
    } catch (error) {
      logger.warn("what was examined before cannot be read: all records are examined", { error });
    }
    return () => false;
  }

  get #examinationPath(): string {
    return join(this.#options.folder, "examined");
  }

  async #raiseMark(reached: ProvenPosition | undefined): Promise<void> {
    const mark = higherMark(this.#mark, reached, this.#trust.version);
    const { position, proof, keysetVersion } = this.#mark;
    if (mark.position === position && mark.proof === proof && mark.keysetVersion === keysetVersion) return;
    await durably("the mark", writeMark(join(this.#options.folder, "mark"), mark));
    this.#mark = mark;
  }
}

interface Step {
  readonly dataKeys: ReadonlyMap<string, Uint8Array>;
  readonly upsert: ReadonlyMap<string, VerifiedBytes>;
  readonly quarantined: ReadonlyMap<string, string>;
  readonly remove: readonly string[];
  /** How many records were examined for it. */
  readonly examined: number;
}

/** What is known of a state that was read back. */
interface Restored {
  readonly stored: RestoredState;
  readonly isKnownGood: (id: string) => boolean;
}

async function durably(what: string, writing: Promise<void>): Promise<void> {
  try {
    await writing;
  } catch (error) {
    throw new BundleRefused("NOT_DURABLE", `${what} cannot be written to disk`, messageOf(error), error);
  }
}
