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

interface ChunkRecord {
  readonly id: string;
  readonly body: Uint8Array;
}

/**
 * Puts records, in the order given, into chunks of at most 256 KiB; a record that alone is larger has a chunk of its
 * own. The same records in the same order give the same bytes.
 */
export class ChunkMaker {
  #pending: ChunkRecord[] = [];
  #size = 0;

  /**
   * @returns the chunk that is full, if one is.
   * @throws BundleTooLarge for a record that no data plane would take.
   */
  add({ id, body }: ChunkRecord): MadeChunk | undefined {
    if (body.length > BUNDLE_BOUNDS.recordBytes) {
      throw new BundleTooLarge(`record ${checkRecordId(id)}`, body.length, BUNDLE_BOUNDS.recordBytes);
    }
    const needed = checkRecordId(id).length + body.length + FRAMING_BYTES;
    const full = this.#size + needed > BUNDLE_BOUNDS.chunkBytes ? this.end() : undefined;
    this.#pending.push({ id, body });
    this.#size += needed;
    return full;
  }

  /** What is left; undefined: nothing. */
  end(): MadeChunk | undefined {
    if (this.#pending.length === 0) return undefined;
    const bytes = encodeChunk({ records: this.#pending });
    this.#pending = [];
    this.#size = 0;
    return { bytes, ref: { sha256: sha256(bytes), length: bytes.length } };
  }
}

/** All at once. @throws BundleTooLarge */
export function makeChunks(records: Iterable<ChunkRecord>): MadeChunk[] {
  const maker = new ChunkMaker();
  const chunks: MadeChunk[] = [];
  for (const record of records) {
    const full = maker.add(record);
    if (full !== undefined) chunks.push(full);
  }
  const last = maker.end();
  return last === undefined ? chunks : [...chunks, last];
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
