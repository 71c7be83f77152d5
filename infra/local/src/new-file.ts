import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
} from "node:fs";
import { dirname, join } from "node:path";

const STAGING = ".new-";

export interface NewFileOptions {
  readonly mode: number;
  /** Owner and group; undefined leaves both to whoever runs this. */
  readonly uid: number | undefined;
  /** Writes the whole file to the path that it is given. */
  readonly make: (staged: string) => Promise<void> | void;
}

/**
 * A file that is there whole or not at all, whenever this is killed. Its name is given by link, which never replaces a
 * file: what has come there meanwhile stays.
 */
export async function newFile(path: string, { mode, uid, make }: NewFileOptions): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  // Beside the file: each service's folder may be a volume of its own, and a link does not lead out of one.
  const folder = mkdtempSync(join(dirname(path), STAGING));
  try {
    const staged = join(folder, "file");
    await make(staged);
    sync(staged);
    chmodSync(staged, mode);
    if (uid !== undefined) chownSync(staged, uid, uid);
    linkSync(staged, path);
    sync(dirname(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Removes from a folder what a `newFile` that was killed has left. None may run meanwhile. */
export function clearStaging(folder: string): void {
  for (const name of readdirSync(folder))
    if (name.startsWith(STAGING)) rmSync(join(folder, name), { recursive: true, force: true });
}

function sync(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
