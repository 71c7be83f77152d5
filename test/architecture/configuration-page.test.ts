import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix, resolve } from "node:path";
import { readConfig as readControlPlane } from "@sluice/control-plane/config";
import { readConfig as readDataPlane } from "@sluice/data-plane/config";
import { prepareCredentials } from "@sluice/local/credentials";
import { controlPlaneEnvironment, dataPlaneEnvironment } from "@sluice/local/plane-environment";
import { ConfigurationError, type Environment } from "@sluice/shared/config";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT, sourcesOf } from "./source-files.js";

/*
 * docs/configuration.md is held against what the planes do: a variable that stands there is given, is left out, and is
 * given what it should refuse. So its defaults, choices and ranges are the code's, without a second list of them.
 */

interface Row {
  readonly name: string;
  readonly fallback: string;
  readonly unit: string;
}

const PAGE = readFileSync(join(ROOT, "docs/configuration.md"), "utf8");

function rowsOf(heading: string): readonly Row[] {
  const section = PAGE.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";
  return [...section.matchAll(/^\| `([A-Z][A-Z0-9_]+)` \| ([^|]*) \| ([^|]*) \| [^|]+ \|$/gm)].map(
    ([, name = "", fallback = "", unit = ""]) => ({ name, fallback, unit }),
  );
}

const folder = mkdtempSync(join(tmpdir(), "sluice-configuration-"));
/** Complete, in production. */
const complete: Record<string, Environment> = {};

beforeAll(async () => {
  const credentials = await prepareCredentials(join(folder, "credentials"));
  const production = {
    SLUICE_ENV: "",
    LISTEN_ADDRESS: "",
    API_JWT_SECRET: "0b1da4c3c7b14a0c8bd9c0f5e0a0e6d1",
    PORT: "",
    STREAM_PORT: "",
    DATA_DIR: "",
  };
  const ports = { transaction: 0, session: 0, operations: 0 };
  complete["Control plane"] = {
    ...controlPlaneEnvironment(credentials, { http: 0, stream: 0 }, "postgres://localhost/sluice", ""),
    ...production,
  };
  complete["Data plane"] = {
    CONTROL_PLANE_URL: dataPlaneEnvironment(credentials, ports, 4001, "").CONTROL_PLANE_URL,
    TRUST_ROOT_KEYS: credentials.trustRootKey,
    REGION: "eu",
  };
  // Keys and certificates are made by programs of their own.
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each([
  { plane: "Control plane", read: readControlPlane as (environment: Environment) => object },
  { plane: "Data plane", read: readDataPlane as (environment: Environment) => object },
])("docs/configuration.md, of the $plane", ({ plane, read }) => {
  const rows = rowsOf(plane);
  const config = (given: Environment = {}): Readonly<Record<string, unknown>> =>
    read({ ...complete[plane], ...given }) as Readonly<Record<string, unknown>>;
  /** What is wrong with one variable, whatever others say to it. */
  const refusal = (name: string, value: string): string | undefined => {
    try {
      config({ [name]: value });
      return undefined;
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      return error.problems.find((problem) => problem.startsWith(`${name}:`));
    }
  };

  it("lists every variable that is read, and no other", () => {
    expect(rows.map(({ name }) => name).sort()).toEqual(Object.keys(config()).sort());
  });

  it.each(rows)("$name is $fallback by default", ({ name, fallback }) => {
    if (fallback.startsWith("must be set")) {
      expect(refusal(name, "")).toMatch(/must/);
      return;
    }
    const value = config({ [name]: "" })[name];
    const special = BY_RULE[name];
    if (special !== undefined) {
      expect(special(value)).toBe(true);
      return;
    }
    const [, usual, development] = /^`?([^`,]+?)`?(?:, in development `([^`]+)`)?$/.exec(fallback) ?? [];
    if (NOTHING.test(fallback)) {
      expect(isNothing(value), String(value)).toBe(true);
      return;
    }
    expect(shown(name, value)).toBe(shown(name, usual));
    if (development !== undefined) {
      const there = config({ SLUICE_ENV: "development", [name]: "" })[name];
      expect(shown(name, there)).toBe(development);
    }
  });

  const numbers = rows.flatMap(({ name, unit }) => {
    const [, least, most] = /\b(\d+) to (\d+)\b/.exec(unit) ?? [];
    if (unit === "TCP port") return [{ name, least: 0, most: 65_535 }];
    return least === undefined ? [] : [{ name, least: Number(least), most: Number(most) }];
  });

  it("tells the bounds of every number", () => {
    const values = config();
    const counted = rows.filter(({ name }) => typeof values[name] === "number").map(({ name }) => name);
    expect(numbers.map(({ name }) => name).sort()).toEqual(counted.sort());
  });

  it.each(numbers)("$name goes from $least to $most", ({ name, least, most }) => {
    expect([String(least), String(most)].map((value) => refusal(name, value))).toEqual([
      undefined,
      undefined,
    ]);
    for (const wrong of [String(least - 1), String(most + 1), "1.5", "many"])
      expect(refusal(name, wrong), wrong).toBeDefined();
  });

  const choices = rows.flatMap(({ name, unit }) =>
    /^`[^`]+`(, `[^`]+`)+$/.test(unit)
      ? [{ name, choices: [...unit.matchAll(/`([^`]+)`/g)].map(([, choice = ""]) => choice) }]
      : [],
  );

  it.each(choices)("$name is one of $choices", ({ name, choices: all }) => {
    expect(all.map((choice) => refusal(name, choice))).toEqual(all.map(() => undefined));
    expect(refusal(name, "no-such-choice")).toBeDefined();
  });
});

describe("docs/configuration.md, of everything else", () => {
  const readers = ["infra/local/src", "terraform/provider/src", "control-plane/src"]
    .flatMap(sourcesOf)
    .filter(({ path }) => ["config.ts", "settings.ts"].includes(posix.basename(path)));
  const read = new Set([
    ...readers.flatMap(({ text }) => variablesOf(text)),
    ...Object.keys({ ...rowNames("Control plane"), ...rowNames("Data plane") }),
  ]);

  it.each(readers)("lists every variable of $path", ({ text }) => {
    const names = variablesOf(text);
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !PAGE.includes(`| \`${name}\` |`))).toEqual([]);
  });

  it("lists no variable that nothing reads", () => {
    const listed = [...PAGE.matchAll(/^\| `([A-Z][A-Z0-9_]+)` \|/gm)].map(([, name = ""]) => name);
    expect(listed.filter((name) => !read.has(name))).toEqual([]);
  });
});

/** Held to the planes above. */
function rowNames(heading: string): Readonly<Record<string, true>> {
  return Object.fromEntries(rowsOf(heading).map(({ name }) => [name, true as const]));
}

/** Where the default follows from something else. */
const BY_RULE: Readonly<Record<string, (value: unknown) => boolean>> = {
  NODE_KEY_PATH: (value) => value === join("data", "node-key.pem"),
  DATA_PLANE_WORKERS: (value) => typeof value === "number" && value >= 1 && value <= 64,
};

/** A default that is no value: what it leads to is told in words. */
const NOTHING = /^(none|empty|one of the three|no TLS|the system's|clients need no|that of|the host)\b/;

function isNothing(value: unknown): boolean {
  if (value === undefined) return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === "object" && value !== null && "empty" in value && value.empty === true;
}

function shown(name: string, value: unknown): string {
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return name === "DATA_DIR" ? resolve(text) : text;
}

/** Keys of the object that readEnvironment is given, and direct look-ups. */
function variablesOf(text: string): string[] {
  const keys = [...text.matchAll(/^\s*([A-Z][A-Z0-9_]{3,}):\s/gm)];
  const lookUps = [...text.matchAll(/environment\["([A-Z][A-Z0-9_]+)"\]/g)];
  return [...new Set([...keys, ...lookUps].map(([, name = ""]) => name))];
}
