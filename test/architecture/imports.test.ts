import { readdirSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, expect, it } from "vitest";
import { ENTRY_FOLDERS, JOINING_FILES, KEPT_IN, LAYERS } from "./layers.js";
import { importsOf, ROOT, type SourceFile, sourcesOf } from "./source-files.js";

const JOINED = new Set(["config.js", "compose.js"]);
const PLANES = ["control-plane", "data-plane"] as const;
const SOURCES = [
  "shared/src",
  "control-plane/src",
  "data-plane/src",
  "infra/local/src",
  "terraform/provider/src",
].flatMap(sourcesOf);

describe.each(Object.entries(LAYERS))("%s", (source, layers) => {
  it("has only folders that stand in the table", () => {
    const folders = readdirSync(join(ROOT, source), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
    expect(folders.filter((folder) => !layers.includes(folder))).toEqual([]);
  });

  it("has only main.ts, compose.ts and config.ts beside its folders", () => {
    const beside = sourcesOf(source)
      .map(({ path }) => path.slice(source.length + 1))
      .filter((path) => !path.includes("/"));
    expect(beside.filter((name) => !JOINING_FILES.has(name))).toEqual([]);
  });

  it("imports only folders that stand above", () => {
    const wrong = sourcesOf(source).flatMap((file) => upwardImports(file, source, layers));
    expect(wrong).toEqual([]);
  });
});

describe("packages", () => {
  it("keep the planes apart", () => {
    const wrong = PLANES.flatMap((plane) => {
      const other = plane === "control-plane" ? "data-plane" : "control-plane";
      return sourcesOf(`${plane}/src`).flatMap((file) =>
        importsOf(file)
          .filter(
            (name) => isPackage(name, `@sluice/${other}`) || targetOf(file, name).startsWith(`${other}/`),
          )
          .map((name) => `${file.path} imports ${name}`),
      );
    });
    expect(wrong).toEqual([]);
  });

  it("keep shared free of both planes", () => {
    const wrong = sourcesOf("shared/src").flatMap((file) =>
      importsOf(file)
        .filter((name) => name.startsWith("@sluice/") && !isPackage(name, "@sluice/shared"))
        .map((name) => `${file.path} imports ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it("reach another package by its name only", () => {
    const wrong = SOURCES.flatMap((file) => {
      const home = `${file.path.slice(0, file.path.indexOf("/src/"))}/src/`;
      return importsOf(file)
        .filter((name) => name.startsWith(".") && !targetOf(file, name).startsWith(home))
        .map((name) => `${file.path} imports ${name}`);
    });
    expect(wrong).toEqual([]);
  });

  it.each(KEPT_IN)("import $packageName only in $folders", ({ packageName, folders }) => {
    const wrong = SOURCES.filter((file) => importsOf(file).some((name) => isPackage(name, packageName)))
      .map(({ path }) => path)
      .filter((path) => !folders.some((folder) => path.startsWith(`${folder}/`)));
    expect(wrong).toEqual([]);
  });

  it("serve Connect in the control plane and call it from the data plane", () => {
    const server = /\b(connectNodeAdapter|createConnectRouter|universal\w*Handler\w*)\b/;
    const client = /\b(createClient|create(Connect|Grpc|GrpcWeb)Transport)\b/;
    const wrong = SOURCES.filter(
      (file) =>
        importsOf(file).some((name) => name.startsWith("@connectrpc/")) &&
        (file.path.startsWith("control-plane/src/stream/") ? client : server).test(file.text),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });
});

describe("reading imports", () => {
  it("sees every form, and no comment", () => {
    const text = [
      'import { a } from "one";',
      'import type {\n  b,\n} from "two";',
      'import "three";',
      'export * from "four";',
      'const five = await import("five");',
      '// import "six";',
      '/* import "seven"; */',
    ].join("\n");
    expect(importsOf({ path: "x.ts", text })).toEqual(["one", "two", "three", "four", "five"]);
  });
});

function upwardImports(file: SourceFile, source: string, layers: readonly string[]): string[] {
  const [folder = "", ...rest] = file.path.slice(source.length + 1).split("/");
  if (rest.length === 0) return [];
  const own = layers.indexOf(folder);
  return importsOf(file)
    .filter((name) => {
      const target = targetOf(file, name);
      if (!target.startsWith(`${source}/`)) return false;
      const [imported = "", ...below] = target.slice(source.length + 1).split("/");
      if (below.length === 0) return !(JOINED.has(imported) && ENTRY_FOLDERS.has(posix.join(source, folder)));
      return imported !== folder && (!layers.includes(imported) || layers.indexOf(imported) > own);
    })
    .map((name) => `${file.path} imports ${name}`);
}

function targetOf(file: SourceFile, name: string): string {
  return name.startsWith(".") ? posix.join(posix.dirname(file.path), name) : name;
}

function isPackage(name: string, packageName: string): boolean {
  return name === packageName || name.startsWith(`${packageName}/`);
}
