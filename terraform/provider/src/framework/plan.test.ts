import { describe, expect, it } from "vitest";
import { encodeValue, UNKNOWN, Unknown, type Values } from "../protocol/index.js";
import { attribute, nestedAttribute } from "./attribute.js";
import { planChange } from "./plan.js";
import { type Schema, typeOf } from "./schema.js";

const SCHEMA: Schema = {
  description: "A thing.",
  attributes: {
    id: attribute("string", "Id.", { computed: true, keptUnless: ["name"] }),
    name: attribute("string", "Name.", { required: true, replaces: true }),
    size: attribute("number", "Size.", { default: 15 }),
    verify: attribute("string", "Verify.", { default: ({ tls = null }) => (tls === true ? "none" : null) }),
    tls: attribute("bool", "TLS.", { default: false }),
    note: attribute("string", "Note.", { optional: true }),
    secret: attribute("string", "Secret.", { optional: true, writeOnly: true }),
    ranges: attribute(["set", "string"], "Ranges.", { default: ["0.0.0.0/0", "::/0"] }),
    members: nestedAttribute(
      { mode: "list", attributes: { active: attribute("bool", "Active.", { default: true }) } },
      "Members.",
      { optional: true },
    ),
    uri: attribute("string", "URI.", { computed: true, keptUnless: ["name"] }),
    generation: attribute("number", "Generation.", { computed: true }),
    length: attribute("number", "Length of the note.", {
      computed: true,
      derived: ({ note = null }) => (typeof note === "string" ? note.length : note),
    }),
  },
  blocks: {
    manager: {
      description: "Manager.",
      attributes: {
        user: attribute("string", "User.", { required: true }),
        pool: attribute("number", "Pool.", { default: 3 }),
        secret: attribute("string", "Secret.", { optional: true, writeOnly: true }),
      },
    },
  },
};

const SILENT: Values = {
  id: null,
  name: "a",
  size: null,
  verify: null,
  tls: null,
  note: null,
  secret: null,
  ranges: null,
  members: null,
  uri: null,
  generation: null,
  manager: null,
};

/** The state that an apply of the plan would leave. */
function applied(planned: Values): Values {
  const answers: Values = { id: "1", uri: "u", generation: 7 };
  return Object.fromEntries(
    Object.entries(planned).map(([name, value]) => [
      name,
      value instanceof Unknown ? (answers[name] ?? null) : value,
    ]),
  );
}

const made = (config: Values = SILENT): Values => applied(planChange(SCHEMA, null, config).planned);

describe("a plan", () => {
  it("of a new thing has defaults where nothing is said, and unknown where the API computes", () => {
    const { planned, changed, replaces } = planChange(SCHEMA, null, SILENT);
    expect(changed).toBe(true);
    expect(replaces).toEqual([]);
    expect(planned).toMatchObject({
      size: 15,
      tls: false,
      verify: null,
      note: null,
      ranges: ["0.0.0.0/0", "::/0"],
    });
    for (const name of ["id", "uri", "generation"]) expect(planned[name]).toBe(UNKNOWN);
    expect(() => encodeValue(planned, typeOf(SCHEMA))).not.toThrow();
  });

  it("keeps to the letter what the configuration says", () => {
    const config = {
      ...SILENT,
      size: 1,
      tls: true,
      note: " X ",
      members: [{ active: null }, { active: false }],
    };
    const { planned } = planChange(SCHEMA, null, config);
    expect(planned).toMatchObject({ size: 1, tls: true, verify: "none", note: " X " });
    expect(planned.members).toEqual([{ active: true }, { active: false }]);
  });

  it("is empty once it has been applied, in whatever order a set comes back", () => {
    const prior = { ...made(), ranges: ["::/0", "0.0.0.0/0"] };
    const { planned, changed } = planChange(SCHEMA, prior, SILENT);
    expect(changed).toBe(false);
    expect({ ...planned, ranges: prior.ranges }).toEqual(prior);
  });

  it("goes back to the default when an attribute is taken out", () => {
    const { planned, changed } = planChange(SCHEMA, made({ ...SILENT, size: 99 }), SILENT);
    expect(changed).toBe(true);
    expect(planned.size).toBe(15);
  });

  it("of a change keeps what does not hang on it, and leaves the rest unknown", () => {
    const { planned, replaces } = planChange(SCHEMA, made(), { ...SILENT, size: 20 });
    expect(planned).toMatchObject({ id: "1", uri: "u" });
    expect(planned.generation).toBe(UNKNOWN);
    expect(replaces).toEqual([]);
  });

  it("of another name replaces, and nothing computed is kept", () => {
    const { planned, replaces } = planChange(SCHEMA, made(), { ...SILENT, name: "b" });
    expect(replaces).toEqual([["name"]]);
    expect(planned.id).toBe(UNKNOWN);
  });

  it("of a name that is not known yet replaces too", () => {
    expect(planChange(SCHEMA, made(), { ...SILENT, name: UNKNOWN }).replaces).toEqual([["name"]]);
  });

  it("never holds what is write-only, and sees no change in it", () => {
    const config = { ...SILENT, secret: "s", manager: { user: "u", pool: null, secret: "t" } };
    const { planned } = planChange(SCHEMA, null, config);
    expect(planned.secret).toBeNull();
    expect(planned.manager).toEqual({ user: "u", pool: 3, secret: null });
    const other = { ...config, secret: "other", manager: { user: "u", pool: null, secret: "other" } };
    expect(planChange(SCHEMA, applied(planned), other).changed).toBe(false);
  });

  it("sees drift as a change back", () => {
    const { planned, changed } = planChange(SCHEMA, { ...made(), size: 50, note: "by hand" }, SILENT);
    expect(changed).toBe(true);
    expect(planned).toMatchObject({ size: 15, note: null });
  });

  it("derives from the configuration what is computed of it, and sees drift in it alone as a change", () => {
    const config = { ...SILENT, note: "four" };
    expect(planChange(SCHEMA, null, config).planned.length).toBe(4);
    expect(planChange(SCHEMA, made(config), config).changed).toBe(false);
    expect(planChange(SCHEMA, null, { ...SILENT, note: UNKNOWN }).planned.length).toBe(UNKNOWN);
    const { planned, changed, replaces } = planChange(SCHEMA, { ...made(), length: 9 }, SILENT);
    expect([planned.length, changed, replaces]).toEqual([null, true, []]);
  });

  it("carries a default that hangs on something unknown as unknown", () => {
    const schema: Schema = {
      ...SCHEMA,
      attributes: {
        ...SCHEMA.attributes,
        verify: attribute("string", "Verify.", {
          default: ({ tls = null }) => (tls instanceof Unknown ? tls : null),
        }),
      },
    };
    expect(planChange(schema, null, { ...SILENT, tls: UNKNOWN }).planned.verify).toBe(UNKNOWN);
  });
});
