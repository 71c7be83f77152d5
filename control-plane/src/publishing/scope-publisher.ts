import { ChunkMaker, isMassRemoval, type MadeChunk } from "@sluice/shared/bundle";
import type { Logger } from "@sluice/shared/observability";
import type { Clock } from "@sluice/shared/time";
import { contextOf, inSpan } from "@sluice/shared/tracing";
import type { ChunkCache } from "./chunk-cache.js";
import { Coalesced } from "./coalesced.js";
import { provesState } from "./proof.js";
import type {
  ChunkRef,
  PublicationStore,
  PublishedState,
  PublishingMoment,
  ScopeStanding,
  SnapshotBase,
  StoredDelta,
} from "./publication-store.js";
import type { AheadReport, Held, Holder, PublishedSnapshot, Since } from "./published-state.js";
import { ScopeUnknown, SnapshotGone } from "./publishing-failure.js";
import { RecentDeltas } from "./recent-deltas.js";
import { readWhole, type ScopeChange, ScopeTree } from "./scope-tree.js";
import { signDelta } from "./sign-delta.js";
import { checkMaySign, keyIdsFor, type Signing } from "./signing.js";
import { ensureManifest } from "./snapshot-manifests.js";

export interface ScopePublisherParts {
  readonly store: PublicationStore;
  readonly chunks: ChunkCache;
  /** In force at the moment. */
  readonly signing: () => Signing;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Where the scope stands, as the store has said. */
export interface Publication {
  /** Undefined only while the scope is AHEAD: nothing was published in this epoch. */
  readonly state: PublishedState | undefined;
  readonly ahead: AheadReport | undefined;
  readonly massRemovalAllowed: boolean;
  /** When the store was asked: nothing newer was there then. */
  readonly atMs: number;
}

interface Published {
  readonly state: PublishedState;
  readonly change?: ScopeChange;
  readonly delta?: StoredDelta | undefined;
}

/** States whose roots are remembered: the ones that subscribers hold. */
const REMEMBERED_STATES = 100;
/** So many publications lie between two looks at what can be forgotten. */
const PRUNE_EVERY = 32;

/**
 * The publications of one scope. Whoever comes first signs a generation, under a lock over all replicas, and stores it
 * before anyone is served; everybody else serves those bytes. While the scope is AHEAD nothing is signed and nothing
 * is served.
 */
export class ScopePublisher {
  readonly scope: string;
  readonly #parts: ScopePublisherParts;
  readonly #publishing: Coalesced<Publication>;
  readonly #basing: Coalesced<SnapshotBase | undefined>;
  readonly #tree = new ScopeTree();
  readonly #recent = new RecentDeltas();
  readonly #remembered = new Map<string, PublishedState>();
  #published: Publication | undefined;
  #base: SnapshotBase | undefined;
  #publications = 0;

  constructor(scope: string, parts: ScopePublisherParts) {
    this.scope = scope;
    this.#parts = parts;
    this.#publishing = new Coalesced(() => this.#publish());
    this.#basing = new Coalesced(() => this.#makeBase());
  }

  /** The last that this process knows. */
  get published(): Publication | undefined {
    return this.#published;
  }

  /** The newest state; it is signed first where nobody has. @throws ScopeUnknown, KeyNotForScope */
  publish(): Promise<Publication> {
    return this.#publishing.run();
  }

  async idle(): Promise<void> {
    await Promise.all([this.#publishing.idle(), this.#basing.idle()]);
  }

  /** Other keys are in force: what was signed may be good no more. */
  forget(): void {
    this.#published = undefined;
    this.#base = undefined;
    this.#recent.clear();
    this.#remembered.clear();
  }

  async since({ held, mark, proof, name }: Holder): Promise<Since> {
    const { state, ahead } = await this.publish();
    const { keyset } = this.#parts.signing();
    const { minEpoch } = keyset;
    // One that has lost its state has come as far as its mark, and takes nothing older.
    const place = held ?? mark;
    const known = place === undefined ? undefined : await this.#fromHistory(place);
    if (place !== undefined && place.epoch >= minEpoch && known === undefined) {
      const proven = provesState(proof, place, this.scope, keyset);
      if (proven) await this.#reportAhead(place, name);
      return { kind: "ahead", proven, forked: await this.#hasAnother(place) };
    }
    if (ahead !== undefined || state === undefined) return { kind: "frozen" };
    if (held === undefined) return this.#snapshot(state, undefined, known);
    // A raised epoch replaces whatever is held; what is known of it tells which removals were wanted.
    if (held.epoch < minEpoch || known === undefined) return this.#snapshot(state, known, undefined);
    // Another replica may have published, and served, a newer one since; or has a keyset that we have not.
    if (known.epoch > state.epoch || known.generation >= state.generation) return { kind: "current" };
    const deltas = await this.#deltasFrom(known.epoch, known.generation);
    return deltas.length > 0
      ? { kind: "deltas", deltas: deltas.map(({ to, envelope }) => ({ ...to, envelope })) }
      : this.#snapshot(state, known, undefined);
  }

  async #publish(): Promise<Publication> {
    const { store, clock, signing } = this.#parts;
    const now = signing();
    checkMaySign(this.scope, now);
    const { minEpoch: epoch } = now.keyset;
    const atMs = clock.now();
    const before = this.#published?.state;
    const standing = await store.of(this.scope).standing(epoch);
    if (standing === undefined) throw new ScopeUnknown(this.scope);
    let state = standing.newest;
    if (before !== undefined && !sameState(state, before)) await this.#forgetWhatIsUndone(before);
    if (needsPublishing(standing)) {
      const published = await inSpan(
        "publish",
        {
          attributes: { "sluice.scope": this.scope, "sluice.generation": Number(standing.generation) },
          parent: contextOf(standing.traceparent),
        },
        (span) =>
          store.publishing(this.scope, async (moment) => {
            const signed = await this.#sign(moment, now);
            span.setAttributes(shownInTrace(signed));
            return signed;
          }),
      );
      if (published !== undefined) this.#keep(published, now);
      state = published?.state ?? standing.newest;
    }
    if (state !== undefined) this.#remember(state);
    const publication = {
      state,
      ahead: standing.ahead,
      massRemovalAllowed: standing.massRemovalUntilMs > atMs,
      atMs,
    };
    this.#published = publication;
    return publication;
  }

  /** @returns undefined when the scope has become AHEAD meanwhile. */
  async #sign(moment: PublishingMoment, signing: Signing): Promise<Published | undefined> {
    const { epoch, standing } = await this.#standingNow(moment, signing);
    if (standing.ahead !== undefined) return undefined;
    const last = standing.newest;
    // Another replica was faster.
    if (last !== undefined && !needsPublishing(standing)) return { state: last };
    const change = await this.#tree.advance(moment, last);
    const published = await this.#save(moment, signing, epoch, last, change);
    this.#publications += 1;
    if (this.#publications % PRUNE_EVERY === 0) await moment.prune();
    return published;
  }

  async #save(
    moment: PublishingMoment,
    signing: Signing,
    epoch: bigint,
    last: PublishedState | undefined,
    change: ScopeChange,
  ): Promise<Published> {
    const { generation, tree, difference } = change;
    const { clock, logger } = this.#parts;
    const state = {
      scope: this.scope,
      epoch,
      generation,
      stateRoot: tree.root,
      recordCount: tree.size,
    };
    await moment.saveState(state);
    const delta =
      last === undefined || difference === undefined
        ? undefined
        : await signDelta(signing, last, state, difference, clock.now());
    if (delta !== undefined) await moment.saveDelta(delta, signing.signer.keyId);
    logger.info("generation published", {
      scope: this.scope,
      generation: String(generation),
      records: tree.size,
      deltaBytes: delta?.envelope.length,
    });
    return { state, change, delta };
  }

  /** Once the transaction is over. What other keys than those in force by then have signed is not served from here. */
  #keep({ state, change, delta }: Published, signedWith: Signing): void {
    if (change !== undefined) this.#tree.keep(state, change.tree);
    if (delta !== undefined && signedWith === this.#parts.signing()) this.#recent.add(delta);
  }

  async #deltasFrom(epoch: bigint, generation: bigint): Promise<readonly StoredDelta[]> {
    const recent = this.#recent.from(epoch, generation);
    if (recent !== undefined) return recent;
    const { store, signing } = this.#parts;
    return store.of(this.scope).deltas(epoch, generation, keyIdsFor(this.scope, signing()));
  }

  /** @param least what it must not be older than; with `replaced` it is newer than that. */
  async #snapshot(
    newest: PublishedState,
    replaced: PublishedState | undefined,
    least: PublishedState | undefined,
  ): Promise<Since> {
    const { store, signing, clock } = this.#parts;
    const base = await this.#baseFor(newest, replaced, least);
    if (base === undefined) return { kind: "frozen" };
    const now = signing();
    const allowed = this.#published?.massRemovalAllowed ?? false;
    const key = { state: base.state, replaced };
    const envelope =
      (await store.of(this.scope).manifest(key, keyIdsFor(this.scope, now), allowed)) ??
      (await store.publishing(this.scope, (moment) =>
        ensureManifest(moment, now, base, replaced, allowed, clock.now()),
      ));
    return { kind: "snapshot", snapshot: this.#served(base, envelope) };
  }

  #served({ state, chunks }: SnapshotBase, envelope: Uint8Array): PublishedSnapshot {
    const { chunks: cache } = this.#parts;
    return {
      ...state,
      envelope,
      async *chunks() {
        for (const { sha256 } of chunks) {
          const bytes = await cache.get(state.scope, sha256);
          if (bytes === undefined) throw new SnapshotGone(state.scope, state.generation);
          yield bytes;
        }
      },
    };
  }

  /** One that was made before will do while a few deltas lead on from it, which do not bring too much. */
  async #baseFor(
    newest: PublishedState,
    replaced: PublishedState | undefined,
    least: PublishedState | undefined,
  ): Promise<SnapshotBase | undefined> {
    const { store } = this.#parts;
    const base = this.#base ?? (await store.of(this.scope).base(newest.epoch));
    if (base !== undefined && (await this.#willDo(base, newest, replaced, least))) {
      this.#base = base;
      return base;
    }
    return this.#basing.run();
  }

  async #willDo(
    { state }: SnapshotBase,
    newest: PublishedState,
    replaced: PublishedState | undefined,
    least: PublishedState | undefined,
  ): Promise<boolean> {
    if (state.epoch !== newest.epoch || state.generation > newest.generation) return false;
    if (least?.epoch === state.epoch && least.generation > state.generation) return false;
    if (replaced?.epoch === state.epoch && replaced.generation >= state.generation) return false;
    if (state.generation === newest.generation) return true;
    if (replaced !== undefined && lacksMany(state, newest, replaced)) return false;
    const deltas = await this.#deltasFrom(state.epoch, state.generation);
    return (deltas.at(-1)?.to.generation ?? 0n) >= newest.generation;
  }

  /** All records in chunks. What is not published yet is published with it. */
  async #makeBase(): Promise<SnapshotBase | undefined> {
    const { store, signing } = this.#parts;
    const now = signing();
    const made = await store.publishing(this.scope, async (moment) => {
      const { epoch, standing } = await this.#standingNow(moment, now);
      if (standing.ahead !== undefined) return undefined;
      const last = standing.newest;
      const other = await moment.base(epoch);
      if (last !== undefined && !needsPublishing(standing) && other?.state.generation === last.generation) {
        return { base: other, published: { state: last } };
      }
      const { change, chunks } = await saveChunks(moment, last);
      const published: Published =
        last !== undefined && change.generation === last.generation
          ? { state: last, change }
          : await this.#save(moment, now, epoch, last, change);
      const base = { state: published.state, chunks };
      await moment.saveBase(base);
      await moment.prune();
      return { base, published };
    });
    if (made === undefined) return undefined;
    this.#keep(made.published, now);
    this.#base = made.base;
    return made.base;
  }

  async #standingNow(
    moment: PublishingMoment,
    { keyset }: Signing,
  ): Promise<{ readonly epoch: bigint; readonly standing: ScopeStanding }> {
    const epoch = keyset.minEpoch;
    const standing = await moment.standing(epoch);
    if (standing === undefined) throw new ScopeUnknown(this.scope);
    return { epoch, standing };
  }

  async #reportAhead(held: Held, reporter: string): Promise<void> {
    const { store, logger } = this.#parts;
    logger.error(
      "AHEAD: a data plane holds what the history does not know; nothing is published in this scope",
      {
        scope: this.scope,
        reporter,
        epoch: String(held.epoch),
        generation: String(held.generation),
        help: "docs/keys.md",
      },
    );
    await store.reportAhead(this.scope, { held, reporter });
    await this.publish();
  }

  async #hasAnother({ epoch, generation }: Held): Promise<boolean> {
    return (await this.#parts.store.of(this.scope).state(epoch, generation)) !== undefined;
  }

  /** Exactly what is held, or nothing. */
  async #fromHistory({ epoch, generation, stateRoot }: Held): Promise<PublishedState | undefined> {
    const remembered = this.#remembered.get(`${epoch}/${generation}`);
    const known = remembered ?? (await this.#parts.store.of(this.scope).state(epoch, generation));
    if (known === undefined || !sameBytes(known.stateRoot, stateRoot)) return undefined;
    this.#remember(known);
    return known;
  }

  /** A database that was restored goes back: then what is remembered is no history any more. */
  async #forgetWhatIsUndone(before: PublishedState): Promise<void> {
    const stored = await this.#parts.store.of(this.scope).state(before.epoch, before.generation);
    if (stored !== undefined && sameBytes(stored.stateRoot, before.stateRoot)) return;
    this.#parts.logger.error("the database does not know what was published: was it restored?", {
      scope: this.scope,
      generation: String(before.generation),
    });
    this.forget();
    this.#tree.forget();
    // What this process published itself needs no other proof.
    await this.#parts.store.reportAhead(this.scope, { held: before, reporter: "a control plane" });
  }

  #remember(state: PublishedState): void {
    this.#remembered.set(`${state.epoch}/${state.generation}`, state);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > REMEMBERED_STATES && oldest !== undefined) this.#remembered.delete(oldest);
  }
}

function shownInTrace(published: Published | undefined): Record<string, number | boolean> {
  return {
    // Else another replica was faster, or the scope has become AHEAD.
    "sluice.signed": published?.change !== undefined,
    "sluice.records": published?.state.recordCount ?? 0,
    "sluice.delta_bytes": published?.delta?.envelope.length ?? 0,
  };
}

function needsPublishing({ generation, newest, ahead }: ScopeStanding): boolean {
  return ahead === undefined && (newest === undefined || newest.generation < generation);
}

async function saveChunks(
  moment: PublishingMoment,
  last: PublishedState | undefined,
): Promise<{ readonly change: ScopeChange; readonly chunks: readonly ChunkRef[] }> {
  const maker = new ChunkMaker();
  const chunks: ChunkRef[] = [];
  const save = async (chunk: MadeChunk | undefined): Promise<void> => {
    if (chunk === undefined) return;
    await moment.saveChunk({ sha256: chunk.ref.sha256, bytes: chunk.bytes });
    chunks.push(chunk.ref);
  };
  const change = await readWhole(moment, last, async (page) => {
    for (const record of page) await save(maker.add(record));
  });
  await save(maker.end());
  return { change, chunks };
}

/** So much has come since that it may be what a data plane misses in it, and refuses it for: MASS_REMOVAL. */
function lacksMany(base: PublishedState, newest: PublishedState, replaced: PublishedState): boolean {
  return isMassRemoval(newest.recordCount - base.recordCount, replaced.recordCount);
}

function sameState(a: Held | undefined, b: Held): boolean {
  return a?.epoch === b.epoch && a.generation === b.generation && sameBytes(a.stateRoot, b.stateRoot);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
