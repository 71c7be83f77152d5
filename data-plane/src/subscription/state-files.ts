import { join } from "node:path";
import { StateTree, sealingKeysOf, type VerifiedBytes } from "@sluice/shared/bundle";
import { messageOf } from "@sluice/shared/errors";
import type { Logger } from "@sluice/shared/observability";
import { positionsOf } from "./acceptance.js";
import { readBundleFile, type StoredSection, sectionOf, writeBundleFile } from "./bundle-file.js";
import { compact, findOrigins } from "./compaction.js";
import { Journal, type JournalEntry } from "./journal.js";
import { compareMoments, describePosition, type Position, sameBytes, samePosition } from "./position.js";
import { openDelta } from "./stored-envelopes.js";
import { readBase } from "./stored-state.js";
import type { Trust } from "./trust.js";

/** A journal that is shorter is never folded into the state file. */
const SHORT_JOURNAL_BYTES = 1024 * 1024;

/** What was on disk: the state, and what it was made from. */
export interface RestoredState {
  readonly position: Position;
  /** The one that names it. */
  readonly envelope: Uint8Array;
  readonly tree: StateTree;
  readonly records: ReadonlyMap<string, VerifiedBytes>;
  /** Contents that a record had before, the newest first, back to where it came or was last known to be good. */
  before(id: string): readonly VerifiedBytes[];
  /** The state file's own, before the journal. */
  readonly written: StateTree;
  /** Records that the journal has changed or removed since. */
  readonly changedSince: ReadonlyMap<string, unknown>;
}

export interface StateFilesOptions {
  readonly folder: string;
  readonly scope: string;
  readonly trust: Trust;
  readonly logger: Logger;
}

/**
 * The state on disk: a file with a snapshot, written as a whole, and behind it a journal of the deltas since. Both
 * hold what was received, byte for byte, and are verified again when they are read.
 */
export class StateFiles {
  readonly #options: StateFilesOptions;
  readonly #journal: Journal;
  #stateBytes = 0;

  constructor(options: StateFilesOptions) {
    this.#options = options;
    this.#journal = new Journal(join(options.folder, "journal"));
  }

  get path(): string {
    return join(this.#options.folder, "state");
  }

  /** Whether the journal has grown so long that it is worth while to write the state file anew. */
  get wantsCompaction(): boolean {
    return this.#journal.length > Math.max(SHORT_JOURNAL_BYTES, this.#stateBytes / 2);
  }

  /** Undefined: nothing is there. @throws BundleRefused, FileDamaged when the state file cannot be used */
  async read(): Promise<RestoredState | undefined> {
    const { trust, scope, logger } = this.#options;
    const { entries, torn } = await this.#journal.read();
    if (torn > 0) logger.warn("the torn end of the journal is dropped", { bytes: torn });
    const sections = await readBundleFile(this.path);
    if (sections === undefined) return undefined;
    this.#stateBytes = sizeOf(sections);
    const base = readBase(sections, trust, scope);
    const records = new Map(base.records);
    const written = StateTree.of(records);
    let tree = written;
    if (!sameBytes(tree.root, base.position.root)) {
      throw new Error("the records do not have the root that the last envelope names");
    }
    let { position, envelope } = base;
    /** Of a record that the journal has changed or removed; undefined: removed. */
    const history = new Map<string, (VerifiedBytes | undefined)[]>();
    const remember = (id: string): void => {
      const known = history.get(id) ?? [];
      known.push(records.get(id));
      history.set(id, known);
    };
    for (const [index, entry] of entries.entries()) {
      try {
        const delta = openDelta(entry, trust, scope);
        const { from, to } = positionsOf(delta);
        // The state file was written later than this.
        if (compareMoments(to, position) <= 0) continue;
        if (!samePosition(from, position)) {
          throw new Error(`it follows on ${describePosition(from)}, not on ${describePosition(position)}`);
        }
        const upsert = delta.upsert.map(({ id, body }) => [id, body] as const);
        const next = tree.with({ upsert, remove: delta.remove });
        if (!sameBytes(next.root, to.root)) throw new Error("it does not lead to the root that it names");
        for (const id of delta.remove) {
          remember(id);
          records.delete(id);
        }
        for (const [id, body] of upsert) {
          remember(id);
          records.set(id, body);
        }
        tree = next;
        position = to;
        envelope = entry.delta;
      } catch (error) {
        logger.error("an entry of the journal cannot be used; it and what follows it are dropped", {
          entry: index,
          of: entries.length,
          reason: messageOf(error),
        });
        this.#journal.keepFirst(index);
        break;
      }
    }
    const before = (id: string): VerifiedBytes[] => {
      const contents: VerifiedBytes[] = [];
      for (const content of (history.get(id) ?? []).toReversed()) {
        if (content === undefined) return contents;
        contents.push(content);
      }
      const origin = base.records.has(id) ? base.origins.get(id) : undefined;
      return origin === undefined ? contents : [...contents, origin];
    };
    return { position, envelope, tree, records, before, written, changedSince: history };
  }

  /**
   * Ids of the data keys by which anything is sealed that can ever be read back from here: the state file's records as
   * they are in the end, origins, and all that the journal says. @throws when that cannot be told
   */
  async sealingKeys(): Promise<ReadonlySet<string>> {
    const { trust, scope } = this.#options;
    const keys = new Set<string>();
    const look = (id: string, body: VerifiedBytes): void => {
      for (const key of sealingKeysOf(id, body)) keys.add(key);
    };
    const { entries } = await this.#journal.read();
    for (const entry of entries) {
      for (const { id, body } of openDelta(entry, trust, scope).upsert) look(id, body);
    }
    const base = readBase((await readBundleFile(this.path)) ?? [], trust, scope);
    for (const records of [base.records, base.origins]) for (const [id, body] of records) look(id, body);
    return keys;
  }

  /** Whether anything is in the journal. */
  get hasJournal(): boolean {
    return this.#journal.length > 0;
  }

  /**
   * A snapshot in the place of everything.
   * @param kept records whose content in force is not in the snapshot.
   */
  async replace(snapshot: StoredSection, kept: ReadonlySet<string>, inForce: StateTree): Promise<void> {
    await this.#write([snapshot, ...(await this.#originsOf(kept, inForce))]);
  }

  append(entry: JournalEntry): Promise<void> {
    return this.#journal.append(entry);
  }

  /**
   * The same state with less: what was overwritten since goes, and the journal begins anew.
   * @param tree the state as signed.
   * @param kept records whose content in force is another one.
   */
  async compact(tree: StateTree, kept: ReadonlySet<string>, inForce: StateTree): Promise<void> {
    const { trust, scope } = this.#options;
    const sections = (await this.#sections()).filter(({ originOf }) => originOf.length === 0);
    const small = compact(sections, (id, body) => tree.holds(id, body), trust, scope);
    await this.#write([...small, ...(await this.#originsOf(kept, inForce))]);
  }

  async #write(sections: readonly StoredSection[]): Promise<void> {
    this.#stateBytes = await writeBundleFile(this.path, sections);
    try {
      await this.#journal.clear();
    } catch (error) {
      // Its entries lead to states that are older than the file's, and are passed over.
      this.#options.logger.warn("the journal cannot be emptied", { error });
    }
  }

  async #originsOf(ids: ReadonlySet<string>, inForce: StateTree): Promise<StoredSection[]> {
    if (ids.size === 0) return [];
    const { trust, scope } = this.#options;
    return findOrigins(await this.#sections(), ids, (id, body) => inForce.holds(id, body), trust, scope);
  }

  /** All that is on disk, the journal's entries as sections. */
  async #sections(): Promise<StoredSection[]> {
    const { entries } = await this.#journal.read();
    const sections = [...((await readBundleFile(this.path)) ?? [])];
    for (const { keyset, delta } of entries) sections.push(sectionOf(keyset, { deltas: [delta] }));
    return sections;
  }
}

function sizeOf(sections: readonly StoredSection[]): number {
  let size = 0;
  for (const { chunks, deltas } of sections) for (const { length } of [...chunks, ...deltas]) size += length;
  return size;
}
