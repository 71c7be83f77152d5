import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  ChunkSchema,
  ClusterRecordSchema,
  DeltaSchema,
  HeartbeatSchema,
  KeyringSchema,
  KeysetSchema,
  SnapshotManifestSchema,
  TenantRecordSchema,
} from "./gen/sluice/bundle/v1/bundle_pb.js";

export type TenantRecordContent = MessageInitShape<typeof TenantRecordSchema>;
export type ClusterRecordContent = MessageInitShape<typeof ClusterRecordSchema>;
export type SnapshotManifestContent = MessageInitShape<typeof SnapshotManifestSchema>;
export type DeltaContent = MessageInitShape<typeof DeltaSchema>;
export type HeartbeatContent = MessageInitShape<typeof HeartbeatSchema>;
export type KeyringContent = MessageInitShape<typeof KeyringSchema>;
export type KeysetContent = MessageInitShape<typeof KeysetSchema>;
export type ChunkContent = MessageInitShape<typeof ChunkSchema>;

/** The bytes of a record. Made once, in the tenant's transaction: sealing again would give other bytes. */
export function encodeTenant(content: TenantRecordContent): Uint8Array {
  return toBinary(TenantRecordSchema, create(TenantRecordSchema, content));
}

export function encodeCluster(content: ClusterRecordContent): Uint8Array {
  return toBinary(ClusterRecordSchema, create(ClusterRecordSchema, content));
}

export function encodeSnapshotManifest(content: SnapshotManifestContent): Uint8Array {
  return toBinary(SnapshotManifestSchema, create(SnapshotManifestSchema, content));
}

export function encodeDelta(content: DeltaContent): Uint8Array {
  return toBinary(DeltaSchema, create(DeltaSchema, content));
}

export function encodeHeartbeat(content: HeartbeatContent): Uint8Array {
  return toBinary(HeartbeatSchema, create(HeartbeatSchema, content));
}

export function encodeKeyring(content: KeyringContent): Uint8Array {
  return toBinary(KeyringSchema, create(KeyringSchema, content));
}

export function encodeKeyset(content: KeysetContent): Uint8Array {
  return toBinary(KeysetSchema, create(KeysetSchema, content));
}

export function encodeChunk(content: ChunkContent): Uint8Array {
  return toBinary(ChunkSchema, create(ChunkSchema, content));
}
