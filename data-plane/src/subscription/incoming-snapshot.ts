import {
  checkChunk,
  decodeChunk,
  type TrustedKeyset,
  type VerifiedManifest,
  type VerifiedRecord,
} from "@sluice/shared/bundle";
import { type StoredSection, sectionOf } from "./bundle-file.js";

/** A snapshot whose manifest was accepted and whose chunks are on the way. */
export class IncomingSnapshot {
  readonly manifest: VerifiedManifest;
  readonly envelope: Uint8Array;
  readonly #keyset: TrustedKeyset;
  readonly #chunks: Uint8Array[] = [];
  readonly #records: VerifiedRecord[] = [];

  constructor(manifest: VerifiedManifest, envelope: Uint8Array, keyset: TrustedKeyset) {
    this.manifest = manifest;
    this.envelope = envelope;
    this.#keyset = keyset;
  }

  get complete(): boolean {
    return this.#chunks.length === this.manifest.chunks.length;
  }

  get records(): readonly VerifiedRecord[] {
    return this.#records;
  }

  /** @throws ChunkRefused when it is not the next one of the manifest. */
  add(bytes: Uint8Array): void {
    const chunk = checkChunk(this.manifest, this.#chunks.length, bytes);
    this.#records.push(...decodeChunk(chunk));
    this.#chunks.push(bytes);
  }

  /** As it goes to disk: everything as received. */
  get section(): StoredSection {
    return sectionOf(this.#keyset.envelope, { snapshot: this.envelope, chunks: this.#chunks });
  }
}
