import { existsSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { describe, expect, it } from "vitest";
import { filesBelow, ROOT, sourcesOf } from "./source-files.js";

describe("documents", () => {
  it("have relative links that lead to a file", () => {
    const broken = filesBelow(".", ".md").flatMap(({ path, text }) =>
      linksOf(text)
        .filter((link) => !existsSync(join(ROOT, dirname(path), link)))
        .map((link) => `${path}: ${link}`),
    );
    expect(broken).toEqual([]);
  });

  it("name tests that are there", () => {
    const missing = filesBelow(".", ".md").flatMap(({ path, text }) =>
      [...text.matchAll(/`([\w./-]+\.test\.ts)`/g)]
        .map(([, name = ""]) => name)
        .filter((name) => name.includes("/") && !existsSync(join(ROOT, name)))
        .map((name) => `${path}: ${name}`),
    );
    expect(missing).toEqual([]);
  });
});

describe("docs/configuration.md", () => {
  const documented = readFileSync(join(ROOT, "docs/configuration.md"), "utf8");
  const readers = ["control-plane/src", "data-plane/src", "infra/local/src"]
    .flatMap(sourcesOf)
    .filter(({ path }) => ["config.ts", "settings.ts"].includes(posix.basename(path)));

  it.each(readers)("lists every variable of $path", ({ text }) => {
    const names = variablesOf(text);
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !documented.includes(`| \`${name}\` |`))).toEqual([]);
  });

  it("lists no variable that nothing reads", () => {
    const read = new Set(readers.flatMap(({ text }) => variablesOf(text)));
    const listed = [...documented.matchAll(/^\| `([A-Z][A-Z0-9_]+)` \|/gm)].map(([, name = ""]) => name);
    expect(listed.filter((name) => !read.has(name))).toEqual([]);
  });
});

/** Keys of the object that readEnvironment is given, and direct look-ups. */
function variablesOf(text: string): string[] {
  const keys = [...text.matchAll(/^\s*([A-Z][A-Z0-9_]{3,}):\s/gm)];
  const lookUps = [...text.matchAll(/environment\["([A-Z][A-Z0-9_]+)"\]/g)];
  return [...new Set([...keys, ...lookUps].map(([, name = ""]) => name))];
}

/** Targets without their anchor; addresses elsewhere and code are passed by. */
function linksOf(text: string): string[] {
  const prose = text.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target.replace(/#.*$/, ""))
    .filter((target) => target !== "" && !/^[a-z]+:/.test(target));
}
