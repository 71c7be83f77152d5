import { createHash } from "node:crypto";
import { chownSync, lstatSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { systemCodeOf } from "../errors/index.js";
import type { Account } from "./account.js";
import { PostgresFailure } from "./postgres-failure.js";

/** Survives a restart of the machine, unlike /tmp, and everybody may enter it. */
const PARENT = "/var/tmp";

/**
 * The place for what cannot stay at `path`, the same one for the same path at every start. Anybody may write to the
 * parent, so a folder that is found is used only when it is a real one, ours, and closed to others.
 */
export function refugeFor(path: string, account: Account): string {
  const hash = createHash("sha256").update(path).digest("hex").slice(0, 16);
  const refuge = join(PARENT, `sluice-${hash}`);
  try {
    mkdirSync(refuge, { mode: 0o700 });
    chownSync(refuge, account.uid, account.gid);
  } catch (error) {
    if (systemCodeOf(error) !== "EEXIST") throw error;
  }
  const found = lstatSync(refuge);
  if (!found.isDirectory() || found.uid !== account.uid || (found.mode & 0o077) !== 0) {
    throw new PostgresFailure(`${refuge} is not a folder that only user id ${account.uid} may enter`);
  }
  return refuge;
}
