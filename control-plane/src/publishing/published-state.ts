import type { SealedDataKeyParts } from "@sluice/shared/secrets";

/** A state of a scope, as a data plane names it. */
export interface Held {
  readonly epoch: bigint;
  readonly generation: bigint;
  readonly stateRoot: Uint8Array;
}

export interface PublishedSnapshot extends Held {
  readonly scope: string;
  /** Encoded Envelope of the SnapshotManifest. */
  readonly envelope: Uint8Array;
  /** In the manifest's order. Ends with SnapshotGone when they were pruned meanwhile: ask again. */
  chunks(): AsyncIterable<Uint8Array>;
}

export type Since =
  | { readonly kind: "current" }
  | { readonly kind: "snapshot"; readonly snapshot: PublishedSnapshot }
  /** The history does not know what is held. */
  | { readonly kind: "ahead" };

/** A scope's data keys, each sealed to one instance. */
export interface KeyringInput {
  readonly scope: string;
  readonly group: string;
  readonly instance: string;
  readonly dataKeys: readonly SealedDataKeyParts[];
}

/** What `stream` serves: bytes that were signed and stored before. */
export interface ScopePublications {
  /** Makes the scope's data key and records when its first data plane comes. */
  ensureScope(scope: string): Promise<void>;
  /** For an empty data plane. */
  latest(scope: string): Promise<PublishedSnapshot>;
  /** For one that holds state: a snapshot that names this state as replaced, only if the history contains it. */
  since(scope: string, held: Held): Promise<Since>;
  /** Calls after a new generation of the scope is stored; the function returned ends it. */
  subscribe(scope: string, onPublished: () => void): () => void;
  dataKeys(scope: string): Promise<readonly { readonly id: string; readonly key: Uint8Array }[]>;
  /** Encoded envelopes. */
  signHeartbeat(scope: string): Promise<Uint8Array>;
  signKeyring(input: KeyringInput): Promise<Uint8Array>;
  keysetEnvelope(): Uint8Array;
}
