import type { DataKey } from "@sluice/shared/secrets";
import type { AheadReport, Held } from "./published-state.js";

/** A state of a scope that was signed. */
export interface PublishedState extends Held {
  readonly scope: string;
  readonly recordCount: number;
}

export interface ScopeStanding {
  /** The last one that changed the scope. */
  readonly generation: bigint;
  /** The newest that was signed in the epoch. */
  readonly newest: PublishedState | undefined;
  /** Of this epoch, or a later one: nothing is published until the epoch is past it. */
  readonly ahead: AheadReport | undefined;
  /** Until then an operator has allowed snapshots that drop many tenants. 0: not. */
  readonly massRemovalUntilMs: number;
  /** Of the trace of the change that made `generation`. */
  readonly traceparent: string | null;
}

export interface StoredRecord {
  readonly id: string;
  readonly body: Uint8Array;
  /** That last changed it. */
  readonly generation: bigint;
}

export interface RemovedRecord {
  readonly id: string;
  readonly generation: bigint;
}

/** As of one moment: the scope's generation, and what has come about since another one. */
export interface ScopeChanges {
  readonly generation: bigint;
  readonly written: readonly StoredRecord[];
  /** A record that was made again since is in both. */
  readonly removed: readonly RemovedRecord[];
}

/** As of one moment, read bit by bit: it may be larger than what should be in memory. */
export interface ScopeContents {
  readonly generation: bigint;
  /** Sorted by id. */
  pages(): AsyncIterable<readonly StoredRecord[]>;
}

export interface StoredDelta {
  readonly from: bigint;
  readonly to: PublishedState;
  /** Encoded Envelope of the Delta. */
  readonly envelope: Uint8Array;
}

export interface ChunkRef {
  readonly sha256: Uint8Array;
  readonly length: number;
}

/** A state whose chunks are stored: it can be sent as a whole. */
export interface SnapshotBase {
  readonly state: PublishedState;
  /** In the manifest's order. */
  readonly chunks: readonly ChunkRef[];
}

/** A signed manifest. */
export interface ManifestKey {
  readonly state: PublishedState;
  /** Undefined: for an empty data plane. */
  readonly replaced: PublishedState | undefined;
}

export interface NewManifest extends ManifestKey {
  readonly keyId: string;
  readonly allowsMassRemoval: boolean;
  readonly envelope: Uint8Array;
}

/** Records that came or went between two generations. One that is removed and made again is two. */
export interface Incarnations {
  /** Held at the first, removed by a DELETE up to the second. */
  readonly removed: number;
  /** Made after the first, held at the second. */
  readonly created: number;
}

/** What the store tells of one scope, in or out of the publisher's lock. */
export interface ScopeReader {
  /** Undefined: there is no such scope. */
  standing(epoch: bigint): Promise<ScopeStanding | undefined>;
  /** From the history. */
  state(epoch: bigint, generation: bigint): Promise<PublishedState | undefined>;
  /** The newest of the epoch. */
  base(epoch: bigint): Promise<SnapshotBase | undefined>;
  /** The first ones that lead on from `from`, each to the next, signed by one of these keys; at most 1 MiB, or one. */
  deltas(epoch: bigint, from: bigint, keyIds: readonly string[]): Promise<readonly StoredDelta[]>;
  /** Signed by one of these keys; with `allowsMassRemoval` only one that does. */
  manifest(
    key: ManifestKey,
    keyIds: readonly string[],
    allowsMassRemoval: boolean,
  ): Promise<Buffer | undefined>;
}

/** One scope under the publisher's lock, inside one transaction. */
export interface PublishingMoment extends ScopeReader {
  changes(since: bigint): Promise<ScopeChanges>;
  contents(): Promise<ScopeContents>;
  removed(after: bigint, upTo: bigint): Promise<readonly RemovedRecord[]>;
  incarnations(from: bigint, to: bigint): Promise<Incarnations>;
  saveState(state: PublishedState): Promise<void>;
  saveDelta(delta: StoredDelta, keyId: string): Promise<void>;
  saveChunk(chunk: { readonly sha256: Uint8Array; readonly bytes: Uint8Array }): Promise<void>;
  /** The chunks are saved. */
  saveBase(base: SnapshotBase): Promise<void>;
  saveManifest(manifest: NewManifest): Promise<void>;
  /** Forgets deltas and chunks that nobody is likely to ask for. */
  prune(): Promise<void>;
}

/** The database, as publishing sees it. */
export interface PublicationStore {
  /** In one transaction that takes a generation: the scope's data key and all its records. A known scope is left alone. */
  ensureScope(scope: string): Promise<void>;
  of(scope: string): ScopeReader;
  /** One publisher of a scope at a time, over all replicas. What is saved is there for all, or not at all. */
  publishing<T>(scope: string, work: (moment: PublishingMoment) => Promise<T>): Promise<T>;
  /** Undefined: it was pruned. */
  chunk(scope: string, sha256: Uint8Array): Promise<Buffer | undefined>;
  /** The furthest one of the latest epoch is kept, and all replicas hear of it. */
  reportAhead(scope: string, report: Omit<AheadReport, "atMs">): Promise<void>;
  dataKeys(scope: string): Promise<readonly DataKey[]>;
  /** Calls when some transaction has taken a generation, in whatever process, and now and then without a reason. */
  listen(onGeneration: () => void): Promise<{ stop(): Promise<void> }>;
}
