import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const PASSED_BY = new Set(["node_modules", "dist", "data", "reports"]);

export interface SourceFile {
  /** From the repository's root, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** Every file below `folder` (from the repository's root) whose name ends so. Empty where there is no folder. */
export function filesBelow(folder: string, ending: string): SourceFile[] {
  const found: SourceFile[] = [];
  const visit = (directory: string): void => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (entry.name.startsWith(".") || PASSED_BY.has(entry.name)) continue;
      const path = join(directory, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile() && entry.name.endsWith(ending)) {
        found.push({ path: relative(ROOT, path).split(sep).join("/"), text: readFileSync(path, "utf8") });
      }
    }
  };
  visit(join(ROOT, folder));
  return found;
}

/** TypeScript that ships: tests are free to import what they like. */
export function sourcesOf(folder: string): SourceFile[] {
  return filesBelow(folder, ".ts").filter(({ path }) => !path.endsWith(".test.ts"));
}

/** What a file imports, re-exports or loads, as written. Comments are not looked into. */
export function importsOf({ text }: SourceFile): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  const specifiers = /\b(?:from\s*|import\s*\(\s*|import\s+|require\s*\(\s*)(["'])([^"'\n]+)\1/g;
  return [...code.matchAll(specifiers)].map((found) => found[2] ?? "");
}
