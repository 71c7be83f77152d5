import { describe, expect, it } from "vitest";
import { Decimal, UNKNOWN } from "../protocol/index.js";
import { attribute, nestedAttribute } from "./attribute.js";
import { between, bytes, durationMs, matches, oneOf } from "./check.js";
import type { Schema } from "./schema.js";
import { validate } from "./validate.js";
import { writeOnlyProblems } from "./write-only.js";

const port = attribute("number", "Port.", { optional: true, checks: [between(1, 65_535)] });
const SCHEMA: Schema = {
  description: "A thing.",
  attributes: {
    port,
    mode: attribute("string", "Mode.", { optional: true, checks: [oneOf("read", "write")] }),
    name: attribute("string", "Name.", {
      optional: true,
      checks: [matches(/^[a-z]+$/, "small letters"), bytes(4)],
    }),
    members: nestedAttribute({ mode: "list", attributes: { port } }, "Members.", { optional: true }),
    byName: nestedAttribute({ mode: "map", attributes: { port } }, "By name.", { optional: true }),
    all: nestedAttribute({ mode: "set", attributes: { port } }, "All.", { optional: true }),
  },
  blocks: {
    manager: {
      description: "Manager.",
      attributes: { port, secret: attribute("string", "Secret.", { optional: true, writeOnly: true }) },
    },
  },
};

const places = (config: Parameters<typeof validate>[1]) => validate(SCHEMA, config).map(({ path }) => path);

describe("a configuration", () => {
  it("is told what is wrong at the very attribute", () => {
    expect(places({ port: 0 })).toEqual([["port"]]);
    expect(places({ members: [{ port: 1 }, { port: 99_999 }] })).toEqual([["members", 1, "port"]]);
    expect(places({ byName: { x: { port: -1 } } })).toEqual([["byName", { key: "x" }, "port"]]);
    expect(places({ manager: { port: 0 } })).toEqual([["manager", "port"]]);
  });

  it("is told about a whole set, whose elements have no place", () => {
    expect(places({ all: [{ port: 0 }] })).toEqual([["all", "port"]]);
  });

  it("is told everything at once, in words", () => {
    const details = validate(SCHEMA, { port: 1.5, mode: "both", name: "TOOLONG" }).map(
      ({ detail }) => detail,
    );
    expect(details).toEqual([
      "port must be a whole number from 1 to 65535.",
      'mode must be "read" or "write".',
      "name must be small letters.",
      "name must have at most 4 bytes in UTF-8, and has 7.",
    ]);
  });

  it("is not judged where it is null or unknown", () => {
    expect(places({ port: null, mode: UNKNOWN, members: UNKNOWN, manager: null })).toEqual([]);
    expect(places({ members: [UNKNOWN, { port: UNKNOWN }] })).toEqual([]);
  });

  it("is refused numbers that are not whole", () => {
    expect(places({ port: new Decimal("0.1") })).toEqual([["port"]]);
  });

  it("is refused the empty text, which the API would take for nothing", () => {
    expect(validate(SCHEMA, { name: "" }).length).toBeGreaterThan(0);
  });

  it("is told when write-only values would end in the state of an older Terraform", () => {
    const config = { manager: { port: 1, secret: "s" } };
    expect(writeOnlyProblems(SCHEMA, config, false).map(({ path }) => path)).toEqual([["manager", "secret"]]);
    expect(writeOnlyProblems(SCHEMA, config, true)).toEqual([]);
    expect(writeOnlyProblems(SCHEMA, { manager: { port: 1, secret: null } }, false)).toEqual([]);
  });
});

describe("a time", () => {
  it.each([
    ["30s", 30_000],
    ["5m", 300_000],
    ["1h30m", 5_400_000],
  ])("reads %s", (text, expected) => expect(durationMs(text)).toBe(expected));

  it.each(["", "5", "m", "5 m", "1.5h", "-5s"])("does not read %j", (text) =>
    expect(durationMs(text)).toBeUndefined());
});
