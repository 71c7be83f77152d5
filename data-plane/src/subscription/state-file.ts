import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { systemCodeOf } from "@sluice/shared/errors";

/** What is kept on disk, byte for byte as it was received. */
export interface ReceivedState {
  readonly keyset: Uint8Array;
  readonly keyring: Uint8Array;
  readonly snapshot: Uint8Array;
  readonly chunks: readonly Uint8Array[];
}

/** The newest state that was ever accepted: nothing older is, whatever becomes of the state itself. */
export interface StoredMark {
  readonly epoch: bigint;
  readonly generation: bigint;
  /** Hex. */
  readonly stateRoot: string;
}

/** Envelopes and chunks in one file, each behind its length (32 bits), so that one rename changes all of them. */
export class StateFile {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Undefined when there is none. Throws when it is there and cannot be taken apart. */
  async read(): Promise<ReceivedState | undefined> {
    const bytes = await readIfThere(this.#statePath);
    if (bytes === undefined) return undefined;
    const parts: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      if (at + 4 > bytes.length) throw new Error("the state file is cut short");
      const end = at + 4 + bytes.readUInt32BE(at);
      if (end > bytes.length) throw new Error("the state file is cut short");
      parts.push(bytes.subarray(at + 4, end));
      at = end;
    }
    const [keyset, keyring, snapshot, ...chunks] = parts;
    if (keyset === undefined || keyring === undefined || snapshot === undefined)
      throw new Error("the state file lacks a part");
    return { keyset, keyring, snapshot, chunks };
  }

  async readMark(): Promise<StoredMark | undefined> {
    const bytes = await readIfThere(this.#markPath);
    if (bytes === undefined) return undefined;
    const { epoch, generation, stateRoot } = JSON.parse(bytes.toString("utf8")) as Record<string, string>;
    return { epoch: BigInt(epoch ?? 0), generation: BigInt(generation ?? 0), stateRoot: String(stateRoot) };
  }

  /** Durable when it returns: temporary file, fsync, rename, fsync of the folder; the mark after the state. */
  async write(state: ReceivedState, mark: StoredMark): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const parts: Uint8Array[] = [];
    for (const part of [state.keyset, state.keyring, state.snapshot, ...state.chunks]) {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(part.length);
      parts.push(length, part);
    }
    await replace(this.#statePath, Buffer.concat(parts));
    const { epoch, generation, stateRoot } = mark;
    await replace(
      this.#markPath,
      Buffer.from(JSON.stringify({ epoch: String(epoch), generation: String(generation), stateRoot })),
    );
  }

  get #statePath(): string {
    return join(this.#folder, "state");
  }

  get #markPath(): string {
    return join(this.#folder, "mark.json");
  }
}

async function replace(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
