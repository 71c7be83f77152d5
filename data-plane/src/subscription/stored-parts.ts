import { hash } from "node:crypto";
import { checkChunk, decodeChunk, type VerifiedManifest, type VerifiedRecord } from "@sluice/shared/bundle";
import { positionsOf } from "./acceptance.js";
import { type StoredSection, sectionOf } from "./bundle-file.js";
import type { Position } from "./position.js";
import { openDelta, openManifest } from "./stored-envelopes.js";
import type { Trust } from "./trust.js";

/** What brings records: a chunk of a snapshot, or a delta. Verified. */
export interface StoredPart {
  /** A section with this part alone. */
  readonly section: StoredSection;
  readonly records: readonly VerifiedRecord[];
  readonly remove: readonly string[];
  /** Where a delta leads; undefined for a chunk. */
  readonly position: Position | undefined;
}

/** In order. @throws BundleRefused for what does not verify, or for a chunk that the manifest does not name. */
export function* partsOf(
  { keyset, snapshot, chunks, deltas }: StoredSection,
  trust: Trust,
  scope: string,
): Generator<StoredPart> {
  if (snapshot !== undefined) {
    const manifest = openManifest(keyset, snapshot, trust, scope);
    const indices = new Map(manifest.chunks.map(({ sha256 }, index) => [hexOf(sha256), index]));
    for (const chunk of chunks) {
      yield {
        section: sectionOf(keyset, { snapshot, chunks: [chunk] }),
        records: recordsIn(chunk, manifest, indices),
        remove: [],
        position: undefined,
      };
    }
  }
  for (const delta of deltas) {
    const opened = openDelta({ keyset, delta }, trust, scope);
    yield {
      section: sectionOf(keyset, { deltas: [delta] }),
      records: opened.upsert,
      remove: opened.remove,
      position: positionsOf(opened).to,
    };
  }
}

function recordsIn(
  chunk: Uint8Array,
  manifest: VerifiedManifest,
  indices: ReadonlyMap<string, number>,
): VerifiedRecord[] {
  const index = indices.get(hash("sha256", chunk, "hex")) ?? manifest.chunks.length;
  return decodeChunk(checkChunk(manifest, index, chunk));
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
