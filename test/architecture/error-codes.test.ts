import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT, sourcesOf } from "./source-files.js";

const SOURCES = ["shared/src", "control-plane/src", "data-plane/src", "infra/local/src"].flatMap(sourcesOf);

describe("docs/errors.md", () => {
  it("lists every code of the sources, and no other, once each", () => {
    const listed = codesListed();
    expect(listed).toEqual([...new Set(listed)]);
    expect([...listed].sort()).toEqual(codesInSources());
  });

  it("says for each code what happened, what the client and what the operator should do", () => {
    const short = rows().filter(
      (cells) => cells.length !== 4 || cells.slice(1).some((cell) => cell.length < 3),
    );
    expect(short).toEqual([]);
  });

  it("is held against sources that give their code as a literal", () => {
    const unreadable = SOURCES.filter(({ text }) => /extends SluiceError\b/.test(text))
      .filter(({ text }) => !/\bcode: ["`]E[A-Z]/.test(text))
      .map(({ path }) => path);
    expect(unreadable).toEqual([]);
  });
});

function codesInSources(): string[] {
  const codes = new Set<string>();
  for (const { text } of SOURCES) {
    for (const [, code = ""] of text.matchAll(/\bcode: "(E[A-Z_]+)"/g)) codes.add(code);
    // A nack's code is its prefix and one name of the union beside it.
    const [, prefix] = /\bcode: `(E[A-Z_]+)\$\{/.exec(text) ?? [];
    if (prefix === undefined) continue;
    const [union = ""] = /export type RefusalCode =[^;]+;/.exec(text) ?? [];
    for (const [, name = ""] of union.matchAll(/"([A-Z_]+)"/g)) codes.add(prefix + name);
  }
  return [...codes].sort();
}

function rows(): string[][] {
  return readFileSync(join(ROOT, "docs/errors.md"), "utf8")
    .split("\n")
    .filter((line) => /^\| `E[A-Z_]+` /.test(line))
    .map((line) =>
      line
        .slice(1, line.lastIndexOf("|"))
        .split("|")
        .map((cell) => cell.trim()),
    );
}

function codesListed(): string[] {
  return rows().map(([code = ""]) => code.replaceAll("`", ""));
}
