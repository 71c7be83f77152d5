export { makeClusterRecord } from "./cluster-record.js";
export { openOwnKeyset } from "./own-keyset.js";
export type {
  Incarnations,
  ManifestKey,
  NewManifest,
  PublicationStore,
  PublishedState,
  PublishingMoment,
  RemovedRecord,
  ScopeChanges,
  ScopeContents,
  ScopeReader,
  ScopeStanding,
  SnapshotBase,
  StoredDelta,
  StoredRecord,
} from "./publication-store.js";
export type {
  AheadReport,
  Held,
  Holder,
  KeyringInput,
  PublishedDelta,
  PublishedSnapshot,
  ScopePublications,
  Since,
} from "./published-state.js";
export { Publisher, type PublisherOptions } from "./publisher.js";
export { KeyNotForScope, KeysetUnusable, ScopeUnknown, SnapshotGone } from "./publishing-failure.js";
export type { Signing } from "./signing.js";
export { signingWatch } from "./signing-watch.js";
export { makeTenantRecord } from "./tenant-record.js";
