import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { filesBelow, ROOT } from "./source-files.js";

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

describe("commands in README.md and docs/", () => {
  const pages = [
    ...filesBelow("docs", ".md"),
    { path: "README.md", text: readFileSync(join(ROOT, "README.md"), "utf8") },
  ];

  it("name the test that runs them, or say why none does", () => {
    const unmarked = pages.flatMap(({ path, text }) => {
      const whole = /^<!-- commands: (\S+) -->$/m.exec(text)?.[1];
      if (whole !== undefined) return existsSync(join(ROOT, whole)) ? [] : [`${path}: ${whole}`];
      return [...text.matchAll(/^```sh\n([\s\S]*?)\n```\n(.*)$/gm)]
        .filter(([, , marker = ""]) => {
          const test = /^<!-- run: (\S+) -->$/.exec(marker)?.[1];
          return test === undefined
            ? !/^<!-- not run: .{10,} -->$/.test(marker)
            : !existsSync(join(ROOT, test));
        })
        .map(([, command = ""]) => `${path}: ${command.split("\n")[0]}`);
    });
    expect(unmarked).toEqual([]);
  });
});

/** Targets without their anchor; addresses elsewhere and code are passed by. */
function linksOf(text: string): string[] {
  const prose = text.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target.replace(/#.*$/, ""))
    .filter((target) => target !== "" && !/^[a-z]+:/.test(target));
}
