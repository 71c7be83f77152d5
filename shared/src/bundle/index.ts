export { BUNDLE_BOUNDS, OLDEST_SCHEMA_VERSION, SCHEMA_VERSION } from "./bounds.js";
export { ChunkMaker, checkChunk, type MadeChunk, makeChunks } from "./chunks.js";
export {
  decodeChunk,
  decodeCluster,
  decodeDelta,
  decodeHeartbeat,
  decodeKeyring,
  decodeSnapshotManifest,
  decodeTenant,
  type VerifiedDelta,
  type VerifiedManifest,
  type VerifiedRecord,
} from "./decode.js";
export {
  type ChunkContent,
  type ClusterRecordContent,
  type DeltaContent,
  encodeCluster,
  encodeDelta,
  encodeHeartbeat,
  encodeKeyring,
  encodeKeyset,
  encodeSnapshotManifest,
  encodeTenant,
  type HeartbeatContent,
  type KeyringContent,
  type KeysetContent,
  type SnapshotManifestContent,
  type TenantRecordContent,
} from "./encode.js";
export { signEnvelope } from "./envelope.js";
export {
  type ClusterRecord,
  type Heartbeat,
  IpVersion,
  type Keyring,
  MemberType,
  PoolMode,
  type SealedDataKey,
  type SealedField,
  ServerReset,
  type SnapshotManifest,
  type State,
  type TenantRecord,
  UpstreamVerify,
  type UserRecord,
} from "./gen/sluice/bundle/v1/bundle_pb.js";
export {
  configKeysFor,
  followsKeyset,
  notExpired,
  openKeyset,
  signKeyset,
  type TrustedKeyset,
} from "./keyset.js";
export { isMassRemoval } from "./mass-removal.js";
export { PAYLOAD_TYPES, type PayloadKind } from "./payload-types.js";
export { checkRecordId, clusterRecordId, tenantRecordId } from "./records.js";
export {
  BundleMalformed,
  BundleRefused,
  BundleTooLarge,
  ChunkRefused,
  KeysetExpired,
  KeysetOlder,
  PayloadTypeRefused,
  type RefusalCode,
  SignatureRefused,
} from "./refusal.js";
export { isRegion, scopeOfRegion } from "./scope.js";
export { sealingKeysOf } from "./sealing-keys.js";
export { serverNameOf } from "./server-name.js";
export {
  keyIdOf,
  type PublicKey,
  publicKeyFromPem,
  publicKeyFromRaw,
  rawPublicKey,
  type Signer,
  signerFromPem,
  signerOf,
} from "./signing-keys.js";
export { type StateChange, StateTree, StateTreeBuilder } from "./state-tree.js";
export type { VerifiedBytes } from "./verified-bytes.js";
export { type TrustedKeys, verify } from "./verify.js";
