import { type FileHandle, open } from "node:fs/promises";
import { BUNDLE_BOUNDS } from "@sluice/shared/bundle";
import { systemCodeOf } from "@sluice/shared/errors";
import { writeDurably } from "./durable-file.js";

/*
 * Envelopes and chunks exactly as they were received, one after the other:
 *
 *   "SLUICE01" · frame · frame · ...        frame = kind (u8) · length (u32, big-endian) · bytes
 *
 * A keyset begins a section: what follows was accepted under it. Nothing in the file is trusted for being there;
 * who reads it verifies it again.
 */
const MAGIC = Buffer.from("SLUICE01", "ascii");
const HEAD_BYTES = 5;
const KINDS = { keyset: 1, snapshot: 2, chunk: 3, keyring: 4 } as const;

/** Bytes as received, with the keyset under which they were accepted. */
export interface StoredSection {
  readonly keyset: Uint8Array;
  readonly snapshot?: Uint8Array;
  readonly chunks: readonly Uint8Array[];
  readonly keyrings: readonly Uint8Array[];
}

export class FileDamaged extends Error {
  override readonly name = "FileDamaged";

  constructor(path: string, detail: string, cause?: unknown) {
    super(`${path} is damaged: ${detail}`, { cause });
  }
}

export function writeBundleFile(path: string, sections: readonly StoredSection[]): Promise<void> {
  return writeDurably(path, frames(sections));
}

/**
 * Undefined where there is no such file. Every frame gets a buffer of its own, so that what keeps a part of one
 * keeps no more than that one.
 * @throws FileDamaged
 */
export async function readBundleFile(path: string): Promise<StoredSection[] | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    return await readSections(file, path);
  } finally {
    await file.close();
  }
}

interface OpenSection {
  keyset: Uint8Array;
  snapshot?: Uint8Array;
  chunks: Uint8Array[];
  keyrings: Uint8Array[];
}

async function readSections(file: FileHandle, path: string): Promise<StoredSection[]> {
  if (!(await readExactly(file, MAGIC.length, path)).equals(MAGIC)) {
    throw new FileDamaged(path, "it does not begin as it should");
  }
  const { size } = await file.stat();
  const sections: OpenSection[] = [];
  for (let at = MAGIC.length; at < size; ) {
    const head = await readExactly(file, HEAD_BYTES, path);
    const length = head.readUInt32BE(1);
    if (length > BUNDLE_BOUNDS.largestChunkBytes) throw new FileDamaged(path, `a frame of ${length} bytes`);
    const bytes = await readExactly(file, length, path);
    at += HEAD_BYTES + length;
    if (head[0] === KINDS.keyset) {
      sections.push({ keyset: bytes, chunks: [], keyrings: [] });
      continue;
    }
    const section = sections.at(-1);
    if (section === undefined) throw new FileDamaged(path, "it does not begin with a keyset");
    switch (head[0]) {
      case KINDS.snapshot:
        section.snapshot = bytes;
        break;
      case KINDS.chunk:
        section.chunks.push(bytes);
        break;
      case KINDS.keyring:
        section.keyrings.push(bytes);
        break;
      default:
        throw new FileDamaged(path, `a frame of kind ${head[0]}`);
    }
  }
  return sections;
}

async function readExactly(file: FileHandle, length: number, path: string): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let read = 0;
  while (read < length) {
    const { bytesRead } = await file.read(bytes, read, length - read);
    if (bytesRead === 0) throw new FileDamaged(path, "it ends too early");
    read += bytesRead;
  }
  return bytes;
}

function* frames(sections: readonly StoredSection[]): Generator<Uint8Array> {
  yield MAGIC;
  for (const section of sections) {
    yield* frame(KINDS.keyset, section.keyset);
    if (section.snapshot !== undefined) yield* frame(KINDS.snapshot, section.snapshot);
    for (const chunk of section.chunks) yield* frame(KINDS.chunk, chunk);
    for (const keyring of section.keyrings) yield* frame(KINDS.keyring, keyring);
  }
}

function* frame(kind: number, bytes: Uint8Array): Generator<Uint8Array> {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt8(kind);
  head.writeUInt32BE(bytes.length, 1);
  yield head;
  yield bytes;
}
