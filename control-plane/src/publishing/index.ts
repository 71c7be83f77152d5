export { makeClusterRecord } from "./cluster-record.js";
export { openOwnKeyset } from "./own-keyset.js";
export type {
  Incarnations,
  NewChunk,
  PublicationStore,
  PublishedState,
  PublishingMoment,
  ScopeContents,
  ScopeStanding,
  StoredRecord,
} from "./publication-store.js";
export type {
  Held,
  KeyringInput,
  PublishedSnapshot,
  ScopePublications,
  Since,
} from "./published-state.js";
export { Publisher, type PublisherOptions } from "./publisher.js";
export { KeysetUnusable, ScopeUnknown, SnapshotGone } from "./publishing-failure.js";
export { makeTenantRecord } from "./tenant-record.js";
