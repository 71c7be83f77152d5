import type { DataKey } from "@sluice/shared/secrets";

export interface StoredRecord {
  readonly id: string;
  readonly body: Buffer;
}

/** A state that was signed. */
export interface PublishedState {
  readonly epoch: bigint;
  readonly generation: bigint;
  readonly stateRoot: Buffer;
  /** SHA-256 of the chunks, in order. */
  readonly chunkHashes: readonly Buffer[];
}

export interface NewSnapshot extends PublishedState {
  readonly recordIds: readonly string[];
  readonly chunks: readonly { readonly sha256: Uint8Array; readonly bytes: Uint8Array }[];
}

/** A scope, locked against other publishers, as of one moment. */
export interface ScopeMoment {
  readonly generation: bigint;
  records(): Promise<readonly StoredRecord[]>;
  state(epoch: bigint, generation: bigint): Promise<PublishedState | undefined>;
  saveState(snapshot: NewSnapshot): Promise<void>;
  envelope(epoch: bigint, generation: bigint, replaces: bigint | undefined): Promise<Buffer | undefined>;
  saveEnvelope(
    epoch: bigint,
    generation: bigint,
    replaces: bigint | undefined,
    envelope: Uint8Array,
  ): Promise<void>;
  /**
   * Whether every record of that state that is gone now was deleted through the API since. False too when the
   * state is so old that its ids are no longer known.
   */
  removalsExplained(state: PublishedState): Promise<boolean>;
}

/** The database, as publishing sees it. */
export interface PublicationStore {
  /** In one transaction that takes a generation: the scope's data key and all its records. Known scopes are left alone. */
  ensureScope(scope: string): Promise<void>;
  /** One publisher of a scope at a time, over all replicas. */
  withScope<T>(scope: string, work: (moment: ScopeMoment) => Promise<T>): Promise<T>;
  chunk(sha256: Uint8Array): Promise<Buffer | undefined>;
  dataKeys(scope: string): Promise<readonly DataKey[]>;
  /** Calls when some transaction has taken a generation, in whatever process, and now and then without a reason. */
  listen(onGeneration: () => void): Promise<{ stop(): Promise<void> }>;
}
