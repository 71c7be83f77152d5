import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { composeProvider } from "../compose.js";
import { readConfig } from "../config.js";
import { pages } from "../documentation/index.js";

const PACKAGE = join(import.meta.dirname, "../..");
export const DOCS = join(PACKAGE, "docs");
const EXAMPLES = join(PACKAGE, "examples");

/** Every page as the schema has it now, by its path below `docs`. */
export function currentPages(): ReadonlyMap<string, string> {
  return pages(composeProvider(readConfig({})), (path) => {
    const file = join(EXAMPLES, path);
    return existsSync(file) ? readFileSync(file, "utf8") : undefined;
  });
}

/** Every page as it lies in `docs`. */
export function writtenPages(): ReadonlyMap<string, string> {
  if (!existsSync(DOCS)) return new Map();
  const names = readdirSync(DOCS, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".md"),
  );
  return new Map(names.map((name) => [name, readFileSync(join(DOCS, name), "utf8")]));
}

/** Writes all pages anew; those of what is gone go too. */
export function writePages(): void {
  rmSync(DOCS, { recursive: true, force: true });
  for (const [name, text] of currentPages()) {
    mkdirSync(dirname(join(DOCS, name)), { recursive: true });
    writeFileSync(join(DOCS, name), text);
  }
}
