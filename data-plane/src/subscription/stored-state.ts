import { hash } from "node:crypto";
import {
  BundleMalformed,
  BundleRefused,
  checkChunk,
  configKeysFor,
  decodeChunk,
  decodeSnapshotManifest,
  type VerifiedBytes,
  type VerifiedManifest,
  type VerifiedRecord,
  verify,
} from "@sluice/shared/bundle";
import type { StoredSection } from "./bundle-file.js";
import { sameBytes } from "./position.js";
import type { Trust } from "./trust.js";

/*
 * The state file holds the snapshot in force as its first section, with all chunks. Behind it may stand sections
 * of older snapshots, each with just the chunks that hold the last good record of something in quarantine: so a
 * restart finds them, and they are verified like everything else.
 */

/** The manifest of a section, verified against the keyset beside it. @throws BundleRefused */
export function openSection(section: StoredSection, trust: Trust, scope: string): VerifiedManifest {
  if (section.snapshot === undefined) throw new BundleMalformed("a stored section", "it has no snapshot");
  const keys = configKeysFor(trust.stored(section.keyset), scope);
  const manifest = decodeSnapshotManifest(verify(section.snapshot, keys, "snapshot"));
  if (manifest.scope !== scope) {
    throw new BundleRefused(
      "WRONG_SCOPE",
      "the stored state is of another scope",
      manifest.scope.slice(0, 100),
    );
  }
  return manifest;
}

/** All records of a section that holds all chunks of its snapshot. @throws BundleRefused */
export function readWhole(section: StoredSection, manifest: VerifiedManifest): VerifiedRecord[] {
  if (section.chunks.length !== manifest.chunks.length) {
    throw new BundleMalformed(
      "the stored state",
      `it has ${section.chunks.length} of ${manifest.chunks.length} chunks`,
    );
  }
  return section.chunks.flatMap((bytes, index) => decodeChunk(checkChunk(manifest, index, bytes)));
}

/** One record, and the one chunk that holds it, from any of the sections. Those that do not verify are passed over. */
export function findRecord(
  sections: readonly StoredSection[],
  id: string,
  trust: Trust,
  scope: string,
): { readonly body: VerifiedBytes; readonly origin: StoredSection } | undefined {
  for (const section of sections) {
    try {
      const manifest = openSection(section, trust, scope);
      for (const bytes of section.chunks) {
        const sha256 = hash("sha256", bytes, "buffer");
        const index = manifest.chunks.findIndex((ref) => sameBytes(ref.sha256, sha256));
        const record = decodeChunk(checkChunk(manifest, index, bytes)).find(
          (candidate) => candidate.id === id,
        );
        if (record !== undefined) return { body: record.body, origin: { ...section, chunks: [bytes] } };
      }
    } catch (error) {
      if (!(error instanceof BundleRefused)) throw error;
    }
  }
  return undefined;
}

/** Origins of the same snapshot as one section, each chunk once. */
export function joinOrigins(origins: readonly StoredSection[]): StoredSection[] {
  const joined: StoredSection[] = [];
  for (const origin of origins) {
    const at = joined.findIndex(({ snapshot }) => sameBytes(snapshot ?? EMPTY, origin.snapshot ?? EMPTY));
    const same = joined[at];
    if (same === undefined) {
      joined.push(origin);
      continue;
    }
    const more = origin.chunks.filter((bytes) => !same.chunks.some((chunk) => sameBytes(chunk, bytes)));
    joined[at] = { ...same, chunks: [...same.chunks, ...more] };
  }
  return joined;
}

const EMPTY = new Uint8Array();
