import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import {
  ChunkSchema,
  type ClusterRecord,
  ClusterRecordSchema,
  type Delta,
  DeltaSchema,
  type Heartbeat,
  HeartbeatSchema,
  type Keyring,
  KeyringSchema,
  type Keyset,
  KeysetSchema,
  RecordSchema,
  type SnapshotManifest,
  SnapshotManifestSchema,
  type TenantRecord,
  TenantRecordSchema,
} from "./gen/sluice/bundle/v1/bundle_pb.js";
import { checkRecordId } from "./records.js";
import { BundleMalformed } from "./refusal.js";
import { asVerified, type VerifiedBytes } from "./verified-bytes.js";

declare const verifiedManifest: unique symbol;

/** A manifest that was signed; the hashes in it vouch for chunks. */
export type VerifiedManifest = SnapshotManifest & { readonly [verifiedManifest]: true };

export interface VerifiedRecord {
  readonly id: string;
  readonly body: VerifiedBytes;
}

/** A delta that was signed. */
export type VerifiedDelta = Omit<Delta, "upsert"> & { readonly upsert: readonly VerifiedRecord[] };

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

/**
 * The bodies are parts of the payload's bytes, not copies. An id that comes twice is refused here: no order of
 * applying may matter.
 */
export function decodeDelta(payload: VerifiedBytes<"delta">): VerifiedDelta {
  const delta = decode(DeltaSchema, payload, "the delta");
  const seen = new Set<string>();
  for (const id of [...delta.upsert.map((record) => record.id), ...delta.remove]) {
    if (seen.has(checkRecordId(id))) throw new BundleMalformed("the delta", `it names ${id} twice`);
    seen.add(id);
  }
  return {
    ...delta,
    upsert: delta.upsert.map(({ id, body }) => ({ id, body: asVerified<"record">(body) })),
  };
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

/**
 * The bodies are parts of the chunk's bytes, not copies. Read by hand, without the library's reflection: a start from
 * disk reads a hundred thousand records (280 ms of processor time the first time with it, 110 ms like this).
 */
export function decodeChunk(chunk: VerifiedBytes<"chunk">): VerifiedRecord[] {
  try {
    const records: VerifiedRecord[] = [];
    const reader = new BinaryReader(chunk);
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag();
      if (field === RECORDS) records.push(recordIn(delimited(reader, type)));
      else reader.skip(type, field);
    }
    return records;
  } catch (error) {
    throw new BundleMalformed("a chunk", undefined, error);
  }
}

const RECORDS = ChunkSchema.field.records.number;
const { id: ID, body: BODY } = {
  id: RecordSchema.field.id.number,
  body: RecordSchema.field.body.number,
};

function recordIn(reader: BinaryReader): VerifiedRecord {
  const end = reader.uint32() + reader.pos;
  if (end > reader.len) throw new RangeError("a record ends behind the chunk");
  let id = "";
  let body: Uint8Array<ArrayBufferLike> = EMPTY;
  while (reader.pos < end) {
    const [field, type] = reader.tag();
    if (field === ID) id = delimited(reader, type).string(true);
    else if (field === BODY) body = delimited(reader, type).bytes();
    else reader.skip(type, field);
  }
  if (reader.pos !== end) throw new RangeError("a record ends in the middle of a field");
  return { id, body: asVerified<"record">(body) };
}

function delimited(reader: BinaryReader, type: WireType): BinaryReader {
  if (type !== WireType.LengthDelimited) throw new TypeError(`a field of wire type ${type}`);
  return reader;
}

const EMPTY = new Uint8Array();

function decode<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array, what: string): MessageShape<Desc> {
  try {
    // A newer control plane may send fields that this build does not know; they are of no use here.
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch (error) {
    throw new BundleMalformed(what, undefined, error);
  }
}
