import { BUNDLE_BOUNDS, type StateTree, StateTreeBuilder } from "@sluice/shared/bundle";
import type { PublishedState, PublishingMoment, StoredRecord } from "./publication-store.js";

/** From what was published last to what the records are now. */
export interface ScopeChange {
  readonly generation: bigint;
  readonly tree: StateTree;
  /** Undefined: more than a delta can carry, or nothing was published before. */
  readonly difference: Difference | undefined;
}

export interface Difference {
  readonly written: readonly StoredRecord[];
  readonly removed: readonly string[];
}

/** The hashes of a published state, kept so that a change costs what it touches and not what there is. */
export class ScopeTree {
  #known: { readonly state: PublishedState; readonly tree: StateTree } | undefined;

  /** Once the state is in the store for good. */
  keep(state: PublishedState, tree: StateTree): void {
    this.#known = { state, tree };
  }

  forget(): void {
    this.#known = undefined;
  }

  async advance(moment: PublishingMoment, last: PublishedState | undefined): Promise<ScopeChange> {
    const known = last === undefined ? undefined : await this.#knownTo(moment, last);
    if (known === undefined || last === undefined) return readWhole(moment, last, async () => undefined);
    const { generation, written, removed } = await moment.changes(known.state.generation);
    const tree = known.tree.with({
      remove: removed.map(({ id }) => id),
      upsert: written.map(({ id, body }) => [id, body] as const),
    });
    const isNew = (record: { readonly generation: bigint }): boolean => record.generation > last.generation;
    return {
      generation,
      tree,
      difference: differenceOf(
        written.filter(isNew),
        removed.filter(isNew).map(({ id }) => id),
      ),
    };
  }

  /** What is kept, if the history still has it: another replica may be further, and a restored database is elsewhere. */
  async #knownTo(moment: PublishingMoment, last: PublishedState) {
    const known = this.#known;
    if (known === undefined || known.state.generation > last.generation) return undefined;
    const { epoch, generation, stateRoot } = known.state;
    const stored =
      generation === last.generation && epoch === last.epoch ? last : await moment.state(epoch, generation);
    return stored !== undefined && Buffer.compare(stored.stateRoot, stateRoot) === 0 ? known : undefined;
  }
}

/** Everything, one page after the other. */
export async function readWhole(
  moment: PublishingMoment,
  last: PublishedState | undefined,
  onPage: (page: readonly StoredRecord[]) => Promise<void>,
): Promise<ScopeChange> {
  const contents = await moment.contents();
  const { generation } = contents;
  const builder = new StateTreeBuilder();
  const written: StoredRecord[] = [];
  let bytes = 0;
  for await (const page of contents.pages()) {
    for (const record of page) {
      builder.add(record.id, record.body);
      if (last === undefined || record.generation <= last.generation) continue;
      bytes += record.body.length;
      // What is too much for a delta need not be kept for one.
      if (bytes <= BUNDLE_BOUNDS.envelopeBytes) written.push(record);
    }
    await onPage(page);
  }
  const tree = builder.tree();
  if (last === undefined || bytes > BUNDLE_BOUNDS.envelopeBytes)
    return { generation, tree, difference: undefined };
  // What vanished without a trace can be told by no delta; a snapshot tells it, and is looked at twice.
  const came = await moment.incarnations(last.generation, generation);
  if (tree.size !== last.recordCount + came.created - came.removed) {
    return { generation, tree, difference: undefined };
  }
  const removed = await moment.removed(last.generation, generation);
  return {
    generation,
    tree,
    difference: differenceOf(
      written,
      removed.map(({ id }) => id),
    ),
  };
}

/** A record that was removed and made again was written. */
function differenceOf(written: readonly StoredRecord[], removed: readonly string[]): Difference {
  const again = new Set(written.map(({ id }) => id));
  return { written, removed: [...new Set(removed)].filter((id) => !again.has(id)) };
}
