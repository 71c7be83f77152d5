import { makeChunks, StateTree } from "@sluice/shared/bundle";
import type { Logger } from "@sluice/shared/observability";
import { Coalesced } from "./coalesced.js";
import type { PublicationStore, PublishedState, PublishingMoment } from "./publication-store.js";
import type { Held, PublishedSnapshot, Since } from "./published-state.js";
import { ScopeUnknown, SnapshotGone } from "./publishing-failure.js";
import type { SnapshotEnvelopes } from "./snapshot-envelopes.js";

export interface ScopePublisherParts {
  readonly store: PublicationStore;
  readonly envelopes: SnapshotEnvelopes;
  /** The keyset's. */
  readonly epoch: bigint;
  readonly logger: Logger;
}

/** States whose roots are remembered: the ones that subscribers hold. */
const REMEMBERED_STATES = 100;

/**
 * The publications of one scope. Whoever comes first signs a generation, under a lock over all replicas, and stores it
 * before anyone is served; everybody else serves those bytes.
 */
export class ScopePublisher {
  readonly scope: string;
  readonly #parts: ScopePublisherParts;
  readonly #publishing: Coalesced<PublishedState>;
  readonly #remembered = new Map<string, PublishedState>();
  #published: PublishedState | undefined;

  constructor(scope: string, parts: ScopePublisherParts) {
    this.scope = scope;
    this.#parts = parts;
    this.#publishing = new Coalesced(() => this.#publish());
  }

  /** The last state that this process has seen published. */
  get published(): PublishedState | undefined {
    return this.#published;
  }

  /** The newest state; it is signed first where nobody has. @throws ScopeUnknown */
  publish(): Promise<PublishedState> {
    return this.#publishing.run();
  }

  idle(): Promise<void> {
    return this.#publishing.idle();
  }

  async latest(): Promise<PublishedSnapshot> {
    return this.#snapshot(await this.publish(), undefined);
  }

  async since(held: Held): Promise<Since> {
    const state = await this.publish();
    // A raised epoch: whatever is held is replaced.
    if (held.epoch < state.epoch)
      return { kind: "snapshot", snapshot: await this.#snapshot(state, undefined) };
    const known = await this.#fromHistory(held);
    if (known === undefined || !sameBytes(known.stateRoot, held.stateRoot)) return { kind: "ahead" };
    // Another replica may have published, and served, a newer one since.
    if (known.generation >= state.generation) return { kind: "current" };
    return { kind: "snapshot", snapshot: await this.#snapshot(state, known) };
  }

  async #publish(): Promise<PublishedState> {
    const { store, epoch } = this.#parts;
    const standing = await store.standing(this.scope, epoch);
    if (standing === undefined) throw new ScopeUnknown(this.scope);
    const state = standing.published ?? (await store.publishing(this.scope, (moment) => this.#sign(moment)));
    this.#forgetWhatIsUndone(state);
    this.#published = state;
    this.#remember(state);
    return state;
  }

  async #sign(moment: PublishingMoment): Promise<PublishedState> {
    const { epoch, envelopes, logger } = this.#parts;
    const contents = await moment.contents();
    if (contents === undefined) throw new ScopeUnknown(this.scope);
    const last = await moment.newest(epoch);
    // Another replica was faster.
    if (last !== undefined && last.generation >= contents.generation) return last;
    const chunks = makeChunks(contents.records);
    const state: PublishedState = {
      scope: this.scope,
      epoch,
      generation: contents.generation,
      stateRoot: StateTree.of(contents.records.map(({ id, body }) => [id, body] as const)).root,
      recordCount: contents.records.length,
      chunkHashes: chunks.map(({ ref }) => ref.sha256),
    };
    await moment.saveState(
      state,
      chunks.map(({ ref, bytes }) => ({ sha256: ref.sha256, bytes })),
    );
    // What nearly all will ask for: those that follow, and the empty ones.
    await envelopes.ensure(moment, state, undefined);
    if (last !== undefined) await envelopes.ensure(moment, state, last);
    logger.info("generation published", {
      scope: this.scope,
      generation: String(state.generation),
      records: state.recordCount,
    });
    return state;
  }

  async #snapshot(state: PublishedState, replaced: PublishedState | undefined): Promise<PublishedSnapshot> {
    const { store, envelopes } = this.#parts;
    const envelope =
      (await store.envelope(state, replaced?.generation ?? 0n)) ??
      (await store.publishing(this.scope, (moment) => envelopes.ensure(moment, state, replaced)));
    return {
      scope: this.scope,
      epoch: state.epoch,
      generation: state.generation,
      stateRoot: state.stateRoot,
      envelope,
      async *chunks() {
        for (const sha256 of state.chunkHashes) {
          const bytes = await store.chunk(state.scope, sha256);
          if (bytes === undefined) throw new SnapshotGone(state.scope, state.generation);
          yield bytes;
        }
      },
    };
  }

  async #fromHistory({ epoch, generation }: Held): Promise<PublishedState | undefined> {
    const remembered = this.#remembered.get(`${epoch}/${generation}`);
    if (remembered !== undefined) return remembered;
    const known = await this.#parts.store.state(this.scope, epoch, generation);
    if (known !== undefined) this.#remember(known);
    return known;
  }

  /** A database that was restored goes back: then what is remembered is no history any more. */
  #forgetWhatIsUndone(state: PublishedState): void {
    const last = this.#published;
    if (last === undefined || last.epoch !== state.epoch || last.generation < state.generation) return;
    const same = last.generation === state.generation && sameBytes(last.stateRoot, state.stateRoot);
    if (!same) this.#remembered.clear();
  }

  #remember(state: PublishedState): void {
    this.#remembered.set(`${state.epoch}/${state.generation}`, state);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > REMEMBERED_STATES && oldest !== undefined) this.#remembered.delete(oldest);
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
