import { execFile } from "node:child_process";
import { chownSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { messageOf } from "../errors/index.js";
import type { Account } from "./account.js";
import { PostgresFailure } from "./postgres-failure.js";
import { serverEnvironment } from "./server-environment.js";

export interface Initialization {
  readonly initdb: string;
  readonly folder: string;
  readonly account: Account | undefined;
  readonly user: string;
  readonly password: string;
  readonly fsync: boolean;
}

const INITDB_TIMEOUT_MS = 120_000;

/**
 * Makes the data folder unless it is there. initdb works beside it, under another name, so that one that is cut off
 * leaves nothing that looks like data.
 */
export async function initialize(options: Initialization): Promise<void> {
  const { folder, account } = options;
  if (existsSync(join(folder, "PG_VERSION"))) return;
  const partial = `${folder}.initializing`;
  const passwordFile = `${folder}.password`;
  rmSync(partial, { recursive: true, force: true });
  rmSync(passwordFile, { force: true });
  mkdirSync(dirname(folder), { recursive: true });
  try {
    mkdirSync(partial, { mode: 0o700 });
    writeFileSync(passwordFile, `${options.password}\n`, { mode: 0o600, flag: "wx" });
    if (account !== undefined) {
      for (const path of [partial, passwordFile]) chownSync(path, account.uid, account.gid);
    }
    await promisify(execFile)(
      options.initdb,
      [
        ...["-D", partial, "-U", options.user, `--pwfile=${passwordFile}`],
        ...["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
        ...["--auth-local=reject", "--auth-host=scram-sha-256", "--no-instructions"],
        ...(options.fsync ? [] : ["--no-sync"]),
      ],
      { ...account, cwd: "/", env: serverEnvironment(), timeout: INITDB_TIMEOUT_MS },
    );
    // An empty folder may stand there already; anything else is not ours to remove, and fails here.
    renameSync(partial, folder);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw new PostgresFailure(`cannot make its data folder ${folder}`, messageOf(error));
  } finally {
    rmSync(passwordFile, { force: true });
  }
}
