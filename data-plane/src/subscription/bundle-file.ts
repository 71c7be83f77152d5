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
 * who reads it verifies it again. The lists of ids are our own notes, and the signed state root tells whether they
 * are right.
 */
const MAGIC = Buffer.from("SLUICE01", "ascii");
const HEAD_BYTES = 5;
const KINDS = { keyset: 1, snapshot: 2, chunk: 3, keyring: 4, delta: 5, passedOver: 6, originOf: 7 } as const;
const NO_IDS: readonly string[] = [];

/** Bytes as received, with the keyset under which they were accepted. */
export interface StoredSection {
  readonly keyset: Uint8Array;
  readonly snapshot?: Uint8Array;
  /** Of the snapshot, in the manifest's order; some may be left out. */
  readonly chunks: readonly Uint8Array[];
  /** In the order of their states. */
  readonly deltas: readonly Uint8Array[];
  readonly keyrings: readonly Uint8Array[];
  /** Records that stand in these bytes and were removed since. */
  readonly passedOver: readonly string[];
  /** Not part of the state: the section brings the last good record of these, which are in quarantine. */
  readonly originOf: readonly string[];
}

export function sectionOf(keyset: Uint8Array, content: Partial<StoredSection>): StoredSection {
  return {
    keyset,
    chunks: [],
    deltas: [],
    keyrings: [],
    passedOver: NO_IDS,
    originOf: NO_IDS,
    ...content,
  };
}

export class FileDamaged extends Error {
  override readonly name = "FileDamaged";

  constructor(path: string, detail: string, cause?: unknown) {
    super(`${path} is damaged: ${detail}`, { cause });
  }
}

/** @returns its size in bytes */
export async function writeBundleFile(path: string, sections: readonly StoredSection[]): Promise<number> {
  let size = 0;
  const counted = function* (): Generator<Uint8Array> {
    for (const part of frames(sections)) {
      size += part.length;
      yield part;
    }
  };
  await writeDurably(path, counted());
  return size;
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
  deltas: Uint8Array[];
  keyrings: Uint8Array[];
  passedOver: readonly string[];
  originOf: readonly string[];
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
      sections.push({
        keyset: bytes,
        chunks: [],
        deltas: [],
        keyrings: [],
        passedOver: NO_IDS,
        originOf: NO_IDS,
      });
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
      case KINDS.delta:
        section.deltas.push(bytes);
        break;
      case KINDS.keyring:
        section.keyrings.push(bytes);
        break;
      case KINDS.passedOver:
        section.passedOver = [...section.passedOver, ...idsIn(bytes)];
        break;
      case KINDS.originOf:
        section.originOf = [...section.originOf, ...idsIn(bytes)];
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
    for (const delta of section.deltas) yield* frame(KINDS.delta, delta);
    for (const keyring of section.keyrings) yield* frame(KINDS.keyring, keyring);
    yield* frameOfIds(KINDS.passedOver, section.passedOver);
    yield* frameOfIds(KINDS.originOf, section.originOf);
  }
}

function* frame(kind: number, bytes: Uint8Array): Generator<Uint8Array> {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt8(kind);
  head.writeUInt32BE(bytes.length, 1);
  yield head;
  yield bytes;
}

/** Ids hold no line break. Some at a time, so that no frame is larger than may be read. */
function* frameOfIds(kind: number, ids: readonly string[]): Generator<Uint8Array> {
  const atOnce = Math.floor(BUNDLE_BOUNDS.chunkBytes / BUNDLE_BOUNDS.recordIdBytes);
  for (let from = 0; from < ids.length; from += atOnce) {
    yield* frame(kind, Buffer.from(ids.slice(from, from + atOnce).join("\n"), "ascii"));
  }
}

function idsIn(bytes: Buffer): string[] {
  return bytes.toString("ascii").split("\n");
}
