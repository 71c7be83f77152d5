import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import {
  ChunkSchema,
  type ClusterRecord,
  ClusterRecordSchema,
  type Heartbeat,
  HeartbeatSchema,
  type Keyring,
  KeyringSchema,
  type Keyset,
  KeysetSchema,
  type SnapshotManifest,
  SnapshotManifestSchema,
  type TenantRecord,
  TenantRecordSchema,
} from "./gen/sluice/bundle/v1/bundle_pb.js";
import { BundleMalformed } from "./refusal.js";
import { asVerified, type VerifiedBytes } from "./verified-bytes.js";

declare const verifiedManifest: unique symbol;

/** A manifest that was signed; the hashes in it vouch for chunks. */
export type VerifiedManifest = SnapshotManifest & { readonly [verifiedManifest]: true };

export interface VerifiedRecord {
  readonly id: string;
  readonly body: VerifiedBytes;
}

/** @throws BundleMalformed, as all of these. */
export function decodeTenant(body: VerifiedBytes): TenantRecord {
  return decode(TenantRecordSchema, body, "a tenant's record");
}

export function decodeCluster(body: VerifiedBytes): ClusterRecord {
  return decode(ClusterRecordSchema, body, "a cluster's record");
}

export function decodeSnapshotManifest(payload: VerifiedBytes<"snapshot">): VerifiedManifest {
  return decode(SnapshotManifestSchema, payload, "the snapshot's manifest") as VerifiedManifest;
}

export function decodeHeartbeat(payload: VerifiedBytes<"heartbeat">): Heartbeat {
  return decode(HeartbeatSchema, payload, "the heartbeat");
}

export function decodeKeyring(payload: VerifiedBytes<"keyring">): Keyring {
  return decode(KeyringSchema, payload, "the keyring");
}

export function decodeKeyset(payload: VerifiedBytes<"keyset">): Keyset {
  return decode(KeysetSchema, payload, "the keyset");
}

/** The bodies are parts of the chunk's bytes, not copies. */
export function decodeChunk(chunk: VerifiedBytes<"chunk">): VerifiedRecord[] {
  return decode(ChunkSchema, chunk, "a chunk").records.map(({ id, body }) => ({
    id,
    body: asVerified<"record">(body),
  }));
}

function decode<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array, what: string): MessageShape<Desc> {
  try {
    // A newer control plane may send fields that this build does not know; they are of no use here.
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch (error) {
    throw new BundleMalformed(what, undefined, error);
  }
}
