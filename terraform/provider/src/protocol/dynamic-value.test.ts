import { ExtData, encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeValue, encodeValue, ValueMalformed } from "./dynamic-value.js";
import { sameValue } from "./same-value.js";
import { Decimal, UNKNOWN, type Value, type ValueType } from "./value.js";

const TYPE = [
  "object",
  {
    name: "string",
    port: "number",
    on: "bool",
    tags: ["set", "string"],
    labels: ["map", "number"],
    members: ["list", ["object", { tenant: "string", active: "bool" }]],
  },
] as const satisfies ValueType;

const orNone = <T extends Value>(some: fc.Arbitrary<T>): fc.Arbitrary<Value> =>
  fc.oneof({ weight: 5, arbitrary: some }, fc.constant(null), fc.constant(UNKNOWN));
const text = fc.string({ unit: "grapheme" });
const number = fc.oneof(fc.maxSafeInteger(), fc.double({ noNaN: true, noDefaultInfinity: true }));
const value = fc.record({
  name: orNone(text),
  port: orNone(number.filter((each) => !Object.is(each, -0))),
  on: orNone(fc.boolean()),
  tags: orNone(fc.array(orNone(text))),
  labels: orNone(
    fc.dictionary(
      text.filter((key) => key !== "__proto__"),
      orNone(fc.integer()),
    ),
  ),
  members: orNone(fc.array(fc.record({ tenant: orNone(text), active: orNone(fc.boolean()) }))),
});

describe("a value of Terraform", () => {
  it("is read as it was written, with what is null and what is unknown", () => {
    fc.assert(
      fc.property(value, (given) => {
        const read = decodeValue(encodeValue(given, TYPE), TYPE);
        expect(sameValue(read, given, TYPE) || JSON.stringify(read) === JSON.stringify(given)).toBe(true);
      }),
    );
  });

  it("is unknown with every extension, also one that narrows it", () => {
    const refined = encode(new ExtData(12, new Uint8Array([0x81, 0x01, 0xc2])));
    expect(decodeValue(refined, "string")).toBe(UNKNOWN);
    expect(decodeValue(new Uint8Array([0xd4, 0, 0]), "number")).toBe(UNKNOWN);
    expect([...encodeValue(UNKNOWN, "string")]).toEqual([0xd4, 0, 0]);
  });

  it.each([
    "0.1",
    "123456789012345678901234567890",
    "0.333333333333333333333333333333",
  ])("passes %s through to the last digit", (digits) => {
    const read = decodeValue(encode(digits), "number");
    expect(read).toEqual(new Decimal(digits));
    expect([...encodeValue(read, "number")]).toEqual([...encode(digits)]);
  });

  it("keeps an int64 that a JavaScript number does not hold", () => {
    const bytes = encode(9_007_199_254_740_993n, { useBigInt64: true });
    expect(decodeValue(bytes, "number")).toEqual(new Decimal("9007199254740993"));
  });

  it("is null where there are no bytes", () => {
    expect(decodeValue(new Uint8Array(0), TYPE)).toBeNull();
  });

  it("is refused when an attribute is missing, or one too many", () => {
    expect(() => encodeValue({ a: "x" }, ["object", { a: "string", b: "string" }])).toThrow("lacks b");
    expect(() => encodeValue({ a: "x", b: "y" }, ["object", { a: "string" }])).toThrow("no attribute b");
    expect(() => decodeValue(encode({ c: 1 }), ["object", { a: "string" }])).toThrow(ValueMalformed);
  });

  it("is refused when it is of another type", () => {
    expect(() => decodeValue(encode(5432), "string")).toThrow(ValueMalformed);
    expect(() => encodeValue("5432", "number")).toThrow(ValueMalformed);
    expect(() => decodeValue(encode(["a"]), ["map", "string"])).toThrow(ValueMalformed);
  });

  it("is a value or ValueMalformed for any bytes at all", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          decodeValue(bytes, TYPE);
        } catch (error) {
          expect(error).toBeInstanceOf(ValueMalformed);
        }
      }),
    );
  });
});

describe("two values", () => {
  it("are the same as sets in any order, as lists in one", () => {
    expect(sameValue(["a", "b"], ["b", "a"], ["set", "string"])).toBe(true);
    expect(sameValue(["a", "b"], ["b", "a"], ["list", "string"])).toBe(false);
    expect(sameValue(["a", "a", "b"], ["a", "b", "b"], ["set", "string"])).toBe(false);
  });

  it("are not the same when one is unknown or null and the other is not", () => {
    expect(sameValue(UNKNOWN, "a", "string")).toBe(false);
    expect(sameValue(null, "", "string")).toBe(false);
    expect(sameValue({ a: null }, {}, ["map", "string"])).toBe(false);
  });
});
