import { lstatSync } from "node:fs";

/** Who the server runs as. `undefined`: as the process that starts it. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** `nobody`/`nogroup` by number: a name might be missing from a container's passwd file. */
const NOBODY: Account = { uid: 65_534, gid: 65_534 };

/**
 * Postgres refuses to run as root. Then it runs as whoever owns the data already, or as nobody.
 */
export function serverAccount(folder: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = lstatSync(folder, { throwIfNoEntry: false });
  return owner === undefined || owner.uid === 0 ? NOBODY : { uid: owner.uid, gid: owner.gid };
}
