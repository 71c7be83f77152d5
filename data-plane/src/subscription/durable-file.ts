import { type FileHandle, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { systemCodeOf } from "@sluice/shared/errors";

/**
 * Replaces a file so that after a crash at any moment either the old or the new content is there, whole:
 * temporary file, fsync, rename, fsync of the folder.
 */
export async function writeDurably(path: string, parts: Iterable<Uint8Array>): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, "w", 0o600);
  try {
    for (const part of parts) await writeAll(file, part, null);
    await file.sync();
  } catch (error) {
    await file.close();
    // A full disk must not stay full because of a half-written file.
    await rm(temporary, { force: true });
    throw error;
  }
  await file.close();
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** Undefined where there is no such file. */
export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** @param at where it goes; null: behind what was written before. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, at: number | null): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const position = at === null ? null : at + written;
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position);
    written += bytesWritten;
  }
}

/** So that a file that was made or renamed in it is found again after a crash. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
