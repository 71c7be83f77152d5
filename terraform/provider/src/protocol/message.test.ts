import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytes, flag, integer, list, nested, optionalInteger, optionalText, text } from "./fields.js";
import { keyed } from "./keyed.js";
import { MessageMalformed, message } from "./message.js";

const Leaf = message({ name: optionalText(1), place: optionalInteger(3), key: text(2) });
const Tree = message({
  title: text(1),
  body: bytes(2),
  on: flag(3),
  count: integer(4),
  leaf: nested(10, () => Leaf),
  leaves: list(11, () => Leaf),
  byName: keyed(12, () => Leaf),
});

const leaf = fc.record({
  name: fc.option(fc.string({ unit: "grapheme" }), { nil: undefined }),
  place: fc.option(fc.maxSafeInteger(), { nil: undefined }),
  key: fc.string(),
});
const tree = fc.record({
  title: fc.string({ unit: "grapheme" }),
  body: fc.uint8Array({ maxLength: 300 }),
  on: fc.boolean(),
  count: fc.maxSafeInteger(),
  leaf: fc.option(leaf, { nil: undefined }),
  leaves: fc.array(leaf),
  byName: fc.dictionary(fc.string(), leaf).map((entries) => new Map(Object.entries(entries))),
});

describe("a message", () => {
  it("is read as it was written, whatever is in it", () => {
    fc.assert(
      fc.property(tree, (content) => {
        expect(Tree.decode(Tree.encode(content))).toEqual(content);
      }),
    );
  });

  it("is nothing on the wire when nothing is in it", () => {
    expect(Tree.encode({ title: "", count: 0, on: false, leaves: [] })).toHaveLength(0);
  });

  it("keeps an optional field that is zero apart from one that is not there", () => {
    expect(Leaf.decode(Leaf.encode({ place: 0, name: "" }))).toEqual({ place: 0, name: "", key: "" });
    expect(Leaf.decode(Leaf.encode({}))).toEqual({ place: undefined, name: undefined, key: "" });
  });

  it("passes by fields that it does not have", () => {
    const newer = new BinaryWriter()
      .tag(99, WireType.LengthDelimited)
      .string("of a newer Terraform")
      .tag(98, WireType.Varint)
      .int64(7)
      .tag(1, WireType.LengthDelimited)
      .string("known")
      .finish();
    expect(Tree.decode(newer).title).toBe("known");
  });

  it("refuses a field of another wire type, and a number that is not safe", () => {
    const wrong = new BinaryWriter().tag(1, WireType.Varint).int64(7).finish();
    expect(() => Tree.decode(wrong)).toThrow(MessageMalformed);
    const huge = new BinaryWriter()
      .tag(4, WireType.Varint)
      .int64(2n ** 60n)
      .finish();
    expect(() => Tree.decode(huge)).toThrow(MessageMalformed);
  });

  it("gives a message or MessageMalformed for any bytes at all", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (any) => {
        try {
          Tree.decode(any);
        } catch (error) {
          expect(error).toBeInstanceOf(MessageMalformed);
        }
      }),
    );
  });

  it("is refused when it is cut off", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.nat(), (title, at) => {
        const whole = Tree.encode({ title });
        const cut = whole.subarray(0, 1 + (at % (whole.length - 1)));
        expect(() => Tree.decode(cut)).toThrow(MessageMalformed);
      }),
    );
  });
});
