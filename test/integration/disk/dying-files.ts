import fs from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

/*
 * Loaded in front of a program (`node --import`): counts what the program does with files under a folder, and kills
 * it, by SIGKILL, in front of one of these operations, or in the middle of a write. The program knows nothing of it.
 *
 *   DYING_FOLDER     whose files count
 *   DYING_AT         the number of the operation, from 1; none: only counted
 *   DYING_HALFWAY    "1": a write has written its first half when the process dies
 */

const folder = process.env.DYING_FOLDER ?? "";
const at = Number(process.env.DYING_AT ?? Number.NaN);
const halfway = process.env.DYING_HALFWAY === "1";

/** What has been done so far, for whoever wants to know how often it can be killed. */
export const operations: string[] = [];

/** @returns whether the operation is to be done by half */
function counts(what: string, path: string, canBeHalved = false): boolean {
  operations.push(`${what} ${path.slice(folder.length)}`);
  if (operations.length !== at) return false;
  if (halfway && canBeHalved) return true;
  return die();
}

function die(): never {
  process.kill(process.pid, "SIGKILL");
  // The signal is on its way: nothing more may be done.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

function counted(file: FileHandle, path: string): FileHandle {
  const original = {
    write: file.write.bind(file) as (...args: unknown[]) => Promise<unknown>,
    sync: file.sync.bind(file),
    datasync: file.datasync.bind(file),
    truncate: file.truncate.bind(file),
    close: file.close.bind(file),
  };
  Object.assign(file, {
    async write(bytes: Uint8Array, offset: number, length: number, position: number | null) {
      if (!counts("write", path, true)) return original.write(bytes, offset, length, position);
      await original.write(bytes, offset, Math.floor(length / 2), position);
      return die();
    },
    sync() {
      counts("sync", path);
      return original.sync();
    },
    datasync() {
      counts("datasync", path);
      return original.datasync();
    },
    truncate(length: number) {
      counts("truncate", path);
      return original.truncate(length);
    },
    close() {
      counts("close", path);
      return original.close();
    },
  });
  return file;
}

const { promises } = fs;
const { open, rename, rm } = promises;
Object.assign(promises, {
  async open(path: string, flags: string, mode?: number) {
    if (!path.startsWith(folder)) return open(path, flags, mode);
    // Reading changes nothing; a folder is opened to be synced.
    const reads = flags === "r" && !fs.statSync(path, { throwIfNoEntry: false })?.isDirectory();
    if (reads) return open(path, flags, mode);
    counts("open", path);
    return counted(await open(path, flags, mode), path);
  },
  rename(from: string, to: string) {
    if (to.startsWith(folder)) counts("rename", to);
    return rename(from, to);
  },
  rm(path: string, options?: fs.RmOptions) {
    if (path.startsWith(folder)) counts("rm", path);
    return rm(path, options);
  },
});
syncBuiltinESMExports();
