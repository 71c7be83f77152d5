import { hash } from "node:crypto";
import { type FileHandle, open, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { BUNDLE_BOUNDS } from "@sluice/shared/bundle";
import { systemCodeOf } from "@sluice/shared/errors";
import { syncFolder, writeAll } from "./durable-file.js";

/*
 *   "SLUICEJ1" · entry · entry · ...     entry = kind (u8) · length (u32, big-endian) · bytes · SHA-256 of all that
 *
 * Entries are only ever added behind the last good one. A crash, or a full disk, in the middle of one leaves a torn
 * end; it was acknowledged to nobody, and is dropped. The hash is against that, not against an attacker: who reads an
 * entry verifies its signature.
 */
const MAGIC = Buffer.from("SLUICEJ1", "ascii");
const HEAD_BYTES = 5;
const HASH_BYTES = 32;
const KINDS = { keyset: 1, delta: 2 } as const;

/** A delta as received, with the keyset under which it was accepted. */
export interface JournalEntry {
  readonly keyset: Uint8Array;
  readonly delta: Uint8Array;
}

/** Somebody else has shortened it. */
class TakenAway extends Error {
  override readonly name = "TakenAway";

  constructor(path: string, size: number, was: number) {
    super(
      `${path} has ${size} bytes, and had ${was}: another process works in this folder, and this one must start again`,
    );
  }
}

/** The deltas that were accepted since the state file was written. */
export class Journal {
  readonly #path: string;
  /** Up to the end of the last good entry. 0: there is no file yet. */
  #length = 0;
  /** Of the last good entry. */
  #keyset: Uint8Array | undefined;
  /** Of the entries that were read last. */
  #ends: readonly { readonly at: number; readonly keyset: Uint8Array }[] = [];
  /** What lies behind it in the file is no good, and goes with the next entry. */
  #end: number | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** In bytes. */
  get length(): number {
    return this.#length;
  }

  /** What is whole, in order. @returns how many bytes behind it are torn */
  async read(): Promise<{ readonly entries: readonly JournalEntry[]; readonly torn: number }> {
    let bytes: Buffer;
    try {
      bytes = (await readFile(this.#path)).subarray(0, this.#end);
    } catch (error) {
      if (systemCodeOf(error) === "ENOENT") return { entries: [], torn: 0 };
      throw error;
    }
    const entries: JournalEntry[] = [];
    const ends: { at: number; keyset: Uint8Array }[] = [];
    this.#ends = ends;
    this.#length = 0;
    this.#keyset = undefined;
    if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return { entries, torn: bytes.length };
    let at = MAGIC.length;
    this.#length = at;
    let keyset: Uint8Array | undefined;
    for (;;) {
      const entry = entryAt(bytes, at);
      if (entry === undefined) break;
      at = entry.end;
      if (entry.kind === KINDS.keyset) keyset = entry.content;
      else if (keyset !== undefined) {
        entries.push({ keyset, delta: entry.content });
        ends.push({ at, keyset });
        // A keyset without its delta is torn, too.
        this.#length = at;
        this.#keyset = keyset;
      }
    }
    return { entries, torn: bytes.length - this.#length };
  }

  /** Of those that were read last only the first `count` are good; the next entry is written behind them. */
  keepFirst(count: number): void {
    const end = this.#ends[count - 1];
    this.#length = end?.at ?? Math.min(MAGIC.length, this.#length);
    this.#end = this.#length;
    this.#keyset = end?.keyset;
  }

  /** On disk when it returns. What was there before stays whole, whatever happens. */
  async append({ keyset, delta }: JournalEntry): Promise<void> {
    const isNew = this.#length === 0;
    const parts: Uint8Array[] = isNew ? [MAGIC] : [];
    if (this.#keyset === undefined || Buffer.compare(this.#keyset, keyset) !== 0) {
      parts.push(...framed(KINDS.keyset, keyset));
    }
    parts.push(...framed(KINDS.delta, delta));
    const bytes = Buffer.concat(parts);
    const file = await openToWrite(this.#path);
    try {
      await this.#checkNotTakenAway(file);
      // What a failure left behind the last good entry must not be read as a part of this one.
      await file.truncate(this.#length);
      await writeAll(file, bytes, this.#length);
      await file.datasync();
      if (isNew) await syncFolder(dirname(this.#path));
    } catch (error) {
      if (!(error instanceof TakenAway)) await file.truncate(this.#length).catch(() => undefined);
      throw error;
    } finally {
      await file.close();
    }
    this.#length += bytes.length;
    this.#end = undefined;
    this.#keyset = keyset;
  }

  /** To write behind the end of a file is to fill what is missing with zeros. @throws TakenAway */
  async #checkNotTakenAway(file: FileHandle): Promise<void> {
    const { size } = await file.stat();
    if (size < this.#length) throw new TakenAway(this.#path, size, this.#length);
  }

  /** Its entries are in the state file now. Until they are gone here they are in both, which does no harm. */
  async clear(): Promise<void> {
    this.#keyset = undefined;
    if (this.#length === 0) return;
    const file = await openToWrite(this.#path);
    try {
      await file.truncate(0);
      await file.datasync();
      this.#length = 0;
      this.#end = undefined;
    } finally {
      await file.close();
    }
  }
}

/** Not for appending: what is torn is written over. */
async function openToWrite(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r+");
  } catch (error) {
    if (systemCodeOf(error) !== "ENOENT") throw error;
    return open(path, "w+", 0o600);
  }
}

function framed(kind: number, content: Uint8Array): Uint8Array[] {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt8(kind);
  head.writeUInt32BE(content.length, 1);
  return [head, content, hash("sha256", Buffer.concat([head, content]), "buffer")];
}

/** Undefined where it is not whole. */
function entryAt(bytes: Buffer, at: number): { kind: number; content: Buffer; end: number } | undefined {
  if (at + HEAD_BYTES > bytes.length) return undefined;
  const kind = bytes.readUInt8(at);
  const length = bytes.readUInt32BE(at + 1);
  const end = at + HEAD_BYTES + length + HASH_BYTES;
  if (kind !== KINDS.keyset && kind !== KINDS.delta) return undefined;
  if (length > BUNDLE_BOUNDS.envelopeBytes || end > bytes.length) return undefined;
  const signed = bytes.subarray(at, end - HASH_BYTES);
  if (!hash("sha256", signed, "buffer").equals(bytes.subarray(end - HASH_BYTES, end))) return undefined;
  // A copy: what keeps a record must not keep the whole file.
  return { kind, content: Buffer.from(signed.subarray(HEAD_BYTES)), end };
}
