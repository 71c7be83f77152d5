import type { DataKey } from "@sluice/shared/secrets";

export interface StoredRecord {
  readonly id: string;
  readonly body: Buffer;
}

/** A state of a scope that was signed. */
export interface PublishedState {
  readonly scope: string;
  readonly epoch: bigint;
  readonly generation: bigint;
  readonly stateRoot: Uint8Array;
  readonly recordCount: number;
  /** SHA-256 of the chunks, in the manifest's order. Empty, too, once they are pruned. */
  readonly chunkHashes: readonly Uint8Array[];
}

export interface NewChunk {
  readonly sha256: Uint8Array;
  readonly bytes: Uint8Array;
}

export interface ScopeStanding {
  /** The last one that changed the scope. */
  readonly generation: bigint;
  /** What was signed for it; undefined until somebody has. */
  readonly published: PublishedState | undefined;
}

export interface ScopeContents {
  readonly generation: bigint;
  /** Sorted by id. */
  readonly records: readonly StoredRecord[];
}

/** Records that came or went between two generations. One that is removed and made again is two. */
export interface Incarnations {
  /** Held at the first, removed by a DELETE up to the second. */
  readonly removed: number;
  /** Made after the first, held at the second. */
  readonly created: number;
}

/** One scope under the publisher's lock, inside one transaction. */
export interface PublishingMoment {
  /** As of one moment. Undefined: there is no such scope. */
  contents(): Promise<ScopeContents | undefined>;
  newest(epoch: bigint): Promise<PublishedState | undefined>;
  state(epoch: bigint, generation: bigint): Promise<PublishedState | undefined>;
  saveState(state: PublishedState, chunks: readonly NewChunk[]): Promise<void>;
  envelope(state: PublishedState, replaces: bigint): Promise<Buffer | undefined>;
  saveEnvelope(state: PublishedState, replaces: bigint, envelope: Uint8Array): Promise<void>;
  /** By the hash in hexadecimal; those that are pruned are missing. */
  chunkLengths(state: PublishedState): Promise<ReadonlyMap<string, number>>;
  incarnations(from: bigint, to: bigint): Promise<Incarnations>;
}

/** The database, as publishing sees it. `replaces` is a generation, 0 for a snapshot that replaces nothing. */
export interface PublicationStore {
  /** In one transaction that takes a generation: the scope's data key and all its records. A known scope is left alone. */
  ensureScope(scope: string): Promise<void>;
  /** Undefined: there is no such scope. */
  standing(scope: string, epoch: bigint): Promise<ScopeStanding | undefined>;
  /** From the history. */
  state(scope: string, epoch: bigint, generation: bigint): Promise<PublishedState | undefined>;
  envelope(state: PublishedState, replaces: bigint): Promise<Buffer | undefined>;
  /** One publisher of a scope at a time, over all replicas. */
  publishing<T>(scope: string, work: (moment: PublishingMoment) => Promise<T>): Promise<T>;
  /** Undefined: it was pruned. */
  chunk(scope: string, sha256: Uint8Array): Promise<Buffer | undefined>;
  dataKeys(scope: string): Promise<readonly DataKey[]>;
  /** Calls when some transaction has taken a generation, in whatever process, and now and then without a reason. */
  listen(onGeneration: () => void): Promise<{ stop(): Promise<void> }>;
}
