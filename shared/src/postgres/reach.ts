import { statSync } from "node:fs";
import { dirname } from "node:path";
import type { Account } from "./account.js";

const READ = 4;
const ENTER = 1;

function allows(path: string, account: Account, wanted: number): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  // What does not exist yet is made with the right owner.
  if (stat === undefined) return true;
  const shift = stat.uid === account.uid ? 6 : stat.gid === account.gid ? 3 : 0;
  return ((stat.mode >> shift) & wanted) === wanted;
}

/** Whether the account may walk down to the folder that holds `path`, by the permission bits. */
export function canWalkTo(path: string, account: Account): boolean {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (!allows(folder, account, ENTER)) return false;
    if (folder === dirname(folder)) return true;
  }
}

/** Whether the account may walk to `path` and read and run it. */
export function canRun(path: string, account: Account): boolean {
  return canWalkTo(path, account) && allows(path, account, READ | ENTER);
}
