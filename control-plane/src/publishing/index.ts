export { openOwnKeyset } from "./own-keyset.js";
export type {
  NewSnapshot,
  PublicationStore,
  PublishedState,
  ScopeMoment,
  StoredRecord,
} from "./publication-store.js";
export type { Held, KeyringInput, PublishedSnapshot, ScopePublications, Since } from "./published-state.js";
export { Publisher } from "./publisher.js";
export { makeTenantRecord } from "./tenant-record.js";
