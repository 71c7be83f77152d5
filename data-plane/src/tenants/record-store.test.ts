import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RecordStore } from "./record-store.js";

describe("RecordStore", () => {
  it("gives back what was put last, through any changes and packings", () => {
    const change = fc.record({
      id: fc.integer({ min: 0, max: 20 }).map(String),
      // Some of more than a slab.
      length: fc.oneof(
        { weight: 20, arbitrary: fc.nat(400_000) },
        { weight: 1, arbitrary: fc.integer({ min: 1_000_000, max: 1_200_000 }) },
        { weight: 5, arbitrary: fc.constant(-1) },
      ),
      byte: fc.nat(255),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 80 }), (changes) => {
        const store = new RecordStore();
        const expected = new Map<string, { length: number; byte: number }>();
        for (const { id, length, byte } of changes) {
          if (length < 0) {
            store.delete(id);
            expected.delete(id);
          } else {
            store.set(id, new Uint8Array(length).fill(byte));
            expected.set(id, { length, byte });
          }
        }
        expect([...store.ids()].sort()).toEqual([...expected.keys()].sort());
        for (const [id, { length, byte }] of expected) {
          const record = store.get(id);
          expect(record?.length).toBe(length);
          for (const at of [0, length >> 1, length - 1]) if (length > 0) expect(record?.[at]).toBe(byte);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("does not grow while the same records are replaced for ever", () => {
    const store = new RecordStore();
    const beforeBytes = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 2000; i++) store.set(String(i % 10), new Uint8Array(100_000));
    expect(process.memoryUsage().arrayBuffers - beforeBytes).toBeLessThan(100 * 1024 * 1024);
    expect(store.size).toBe(10);
  });
});
