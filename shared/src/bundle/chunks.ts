import { hash } from "node:crypto";
import { BUNDLE_BOUNDS } from "./bounds.js";
import type { VerifiedManifest } from "./decode.js";
import { encodeChunk } from "./encode.js";
import { checkRecordId } from "./records.js";
import { BundleTooLarge, ChunkRefused } from "./refusal.js";
import { asVerified, type VerifiedBytes } from "./verified-bytes.js";

export interface MadeChunk {
  readonly bytes: Uint8Array;
  /** Stands in the manifest. */
  readonly ref: { readonly sha256: Uint8Array; readonly length: number };
}

/** Tag and length in front of a record, and of its two fields: at most 1 + 4 bytes each. */
const FRAMING_BYTES = 15;

/**
 * Records in chunks of at most 256 KiB, in the order given; a record that alone is larger has a chunk of its own.
 * The same records in the same order give the same bytes.
 * @throws BundleTooLarge for a record that no data plane would take.
 */
export function makeChunks(
  records: Iterable<{ readonly id: string; readonly body: Uint8Array }>,
): MadeChunk[] {
  const chunks: MadeChunk[] = [];
  let pending: { id: string; body: Uint8Array }[] = [];
  let size = 0;
  const close = (): void => {
    if (pending.length === 0) return;
    const bytes = encodeChunk({ records: pending });
    chunks.push({ bytes, ref: { sha256: sha256(bytes), length: bytes.length } });
    pending = [];
    size = 0;
  };
  for (const { id, body } of records) {
    if (body.length > BUNDLE_BOUNDS.recordBytes) {
      throw new BundleTooLarge(`record ${checkRecordId(id)}`, body.length, BUNDLE_BOUNDS.recordBytes);
    }
    const needed = checkRecordId(id).length + body.length + FRAMING_BYTES;
    if (size + needed > BUNDLE_BOUNDS.chunkBytes) close();
    pending.push({ id, body });
    size += needed;
  }
  close();
  return chunks;
}

/**
 * A chunk becomes verified by its hash, which stands in the signed manifest.
 * @param index from 0, in the manifest's order.
 * @throws ChunkRefused
 */
export function checkChunk(
  manifest: VerifiedManifest,
  index: number,
  bytes: Uint8Array,
): VerifiedBytes<"chunk"> {
  const ref = manifest.chunks[index];
  if (ref === undefined) throw new ChunkRefused(`there is no chunk ${index}`);
  if (bytes.length !== ref.length) {
    throw new ChunkRefused(`chunk ${index} has ${bytes.length} bytes, not ${ref.length}`);
  }
  if (!sha256(bytes).equals(ref.sha256)) throw new ChunkRefused(`chunk ${index} has another hash`);
  return asVerified<"chunk">(bytes);
}

function sha256(bytes: Uint8Array): Buffer {
  return hash("sha256", bytes, "buffer");
}
