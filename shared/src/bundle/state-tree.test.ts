import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StateTree } from "./state-tree.js";

const records = fc.dictionary(
  fc.stringMatching(/^[a-z0-9]{1,8}$/).map((name) => `tenant/${name}`),
  fc.uint8Array({ maxLength: 20 }),
  { maxKeys: 40 },
);

function hex(tree: StateTree): string {
  return Buffer.from(tree.root).toString("hex");
}

/** The definition, written down a second time and in the plainest way. */
function plainRoot(state: Readonly<Record<string, Uint8Array>>): string {
  const sha256 = (parts: readonly (Uint8Array | string)[]): Buffer =>
    parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();
  const buckets = Array.from({ length: 1024 }, (_, index) => {
    const inBucket = Object.entries(state)
      .filter(([id]) => sha256([id]).readUInt16BE() >> 6 === index)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return sha256(inBucket.flatMap(([id, body]) => [Buffer.of(0, id.length), id, sha256([body])]));
  });
  return sha256(buckets).toString("hex");
}

describe("the state root", () => {
  it("is the one of its definition", () => {
    fc.assert(
      fc.property(records, (state) => {
        expect(hex(StateTree.of(Object.entries(state)))).toBe(plainRoot(state));
      }),
      { numRuns: 10 },
    );
  });

  it("comes with what is gone and what is new or changed against another state", () => {
    fc.assert(
      fc.property(records, records, (before, after) => {
        const from = StateTree.of(Object.entries(before));
        const to = StateTree.of(Object.entries(after));
        const gone = Object.keys(before).filter((id) => !(id in after));
        const changed = Object.entries(after)
          .filter(([id, body]) => before[id] === undefined || Buffer.compare(before[id], body) !== 0)
          .map(([id]) => id);
        expect(from.missingFrom(to).sort()).toEqual(gone.sort());
        expect(to.changedFrom(from).sort()).toEqual(changed.sort());
      }),
    );
  });

  it("does not depend on the order of the records", () => {
    fc.assert(
      fc.property(
        records.chain((of) => fc.tuple(fc.constant(of), fc.shuffledSubarray(Object.entries(of)))),
        ([all, shuffled]) => {
          const rest = Object.entries(all).filter(([id]) => !shuffled.some(([other]) => other === id));
          expect(hex(StateTree.of([...shuffled, ...rest]))).toBe(hex(StateTree.of(Object.entries(all))));
        },
      ),
    );
  });

  it("is the same whether a state is made at once or change by change", () => {
    fc.assert(
      fc.property(records, records, (before, after) => {
        const first = StateTree.of(Object.entries(before));
        const last = StateTree.of(Object.entries(after));
        const step = first.with({ upsert: Object.entries(after), remove: first.missingFrom(last) });
        expect(hex(step)).toBe(hex(last));
        expect(step.size).toBe(last.size);
      }),
    );
  });

  it("is another one for every other content, and the tree before stays as it was", () => {
    const before = StateTree.of([["tenant/a", Buffer.from("1")]]);
    const root = hex(before);
    const changed = before.with({ upsert: [["tenant/a", Buffer.from("2")]] });
    const renamed = StateTree.of([["tenant/b", Buffer.from("1")]]);
    expect(new Set([root, hex(changed), hex(renamed), hex(StateTree.empty)]).size).toBe(4);
    expect(hex(before)).toBe(root);
  });

  it("knows its records, and which of them another state lacks", () => {
    const tree = StateTree.of([
      ["tenant/a", Buffer.from("1")],
      ["tenant/b", Buffer.from("2")],
    ]);
    expect(tree.holds("tenant/a", Buffer.from("1"))).toBe(true);
    expect(tree.holds("tenant/a", Buffer.from("2"))).toBe(false);
    expect(tree.missingFrom(tree.with({ remove: ["tenant/b"] }))).toEqual(["tenant/b"]);
    expect([...tree.ids()].sort()).toEqual(["tenant/a", "tenant/b"]);
  });

  it("is the same with many records in each bucket, whatever was added, replaced and removed before", () => {
    const id = (number: number): string => `tenant/${number}`;
    const all = new Map(Array.from({ length: 5000 }, (_, index) => [id(index), Buffer.of(index % 256)]));
    let tree = StateTree.of(all);
    for (let step = 0; step < 300; step += 1) {
      const upsert = [1, 2, 3].map((n) => [id((step * n * 7919) % 8000), Buffer.of(step % 256, n)] as const);
      const remove = [id((step * 104_729) % 8000), "tenant/never"];
      tree = tree.with({ upsert, remove });
      for (const each of remove) all.delete(each);
      for (const [each, body] of upsert) all.set(each, body);
    }
    expect([hex(tree), tree.size]).toEqual([hex(StateTree.of(all)), all.size]);
    expect([...tree.ids()].sort()).toEqual([...all.keys()].sort());
    for (let number = 0; number < 8000; number += 1) {
      const body = all.get(id(number));
      expect(tree.has(id(number))).toBe(body !== undefined);
      if (body !== undefined) expect(tree.holds(id(number), body)).toBe(true);
    }
  });

  it("refuses a record that comes twice, and an id that could be read in two ways", () => {
    const body = Buffer.from("1");
    expect(() =>
      StateTree.of([
        ["tenant/a", body],
        ["tenant/a", body],
      ]),
    ).toThrow(/two records/);
    expect(() => StateTree.of([["tenant/é", body]])).toThrow(/record's id/);
  });
});
