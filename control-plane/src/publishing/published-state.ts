import type { SealedDataKeyParts } from "@sluice/shared/secrets";

/** A state of a scope, as a data plane names it. */
export interface Held {
  readonly epoch: bigint;
  readonly generation: bigint;
  readonly stateRoot: Uint8Array;
}

/** A data plane, as it says where it stands. */
export interface Holder {
  /** Undefined: it is empty. */
  readonly held: Held | undefined;
  /** How far it has ever come: it takes nothing older, also when it has lost what it held. */
  readonly mark?: Held | undefined;
  /** The signed envelope that names the mark. Undefined: it has none. */
  readonly proof?: Uint8Array | undefined;
  /** Group and instance, for whoever has to find out why one is ahead. */
  readonly name: string;
}

/** A data plane holds what the history does not know: the database was restored, or two histories have forked. */
export interface AheadReport {
  readonly held: Held;
  /** The data plane's group and instance. */
  readonly reporter: string;
  /** Since the epoch. */
  readonly atMs: number;
}

export interface PublishedSnapshot extends Held {
  readonly scope: string;
  /** Encoded Envelope of the SnapshotManifest. */
  readonly envelope: Uint8Array;
  /** In the manifest's order. Ends with SnapshotGone when they were pruned meanwhile: ask again. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** Where it leads, and how. */
export interface PublishedDelta extends Held {
  /** Encoded Envelope of the Delta. */
  readonly envelope: Uint8Array;
}

/** What a data plane is to be sent. */
export type Since =
  | { readonly kind: "current" }
  /** One after the other; then ask again. */
  | { readonly kind: "deltas"; readonly deltas: readonly PublishedDelta[] }
  /** Then ask again: deltas may lead on from it. */
  | { readonly kind: "snapshot"; readonly snapshot: PublishedSnapshot }
  /** The history does not know what is held. */
  | {
      readonly kind: "ahead";
      /** By a signature: then the whole scope is AHEAD from now on, else this data plane alone is sent nothing. */
      readonly proven: boolean;
      /** The history has another state under this number. */
      readonly forked: boolean;
    }
  /** Another data plane is ahead: nobody of the scope is sent anything until the epoch is raised. */
  | { readonly kind: "frozen" };

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
  /** What leads from where it stands to the newest state, if the history contains exactly that. */
  since(scope: string, holder: Holder): Promise<Since>;
  /** Calls when it is worth while to ask again; the function returned ends it. */
  subscribe(scope: string, onNews: () => void): () => void;
  dataKeys(scope: string): Promise<readonly { readonly id: string; readonly key: Uint8Array }[]>;
  /** Encoded envelopes. The heartbeat tells of the moment at which the store was last asked. */
  signHeartbeat(scope: string): Promise<Uint8Array>;
  signKeyring(input: KeyringInput): Promise<Uint8Array>;
  keysetEnvelope(): Uint8Array;
}
