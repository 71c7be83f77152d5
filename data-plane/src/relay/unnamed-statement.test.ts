import { describe, expect, it } from "vitest";
import { NO_NAMES } from "./text-names.js";
import { UnnamedStatement } from "./unnamed-statement.js";

function sent(unnamed: UnnamedStatement, ...texts: readonly string[]): void {
  for (const text of texts) unnamed.parseSent(Buffer.from(text), 0, text.length, 0, NO_NAMES);
}

describe("UnnamedStatement", () => {
  it("is what was sent last, and what the answers leave of it", () => {
    for (const answers of cases(["done", "failed", "skipped"] as const, 6)) {
      const unnamed = new UnnamedStatement();
      sent(unnamed, "before");
      unnamed.done();
      let expected: string | undefined = "before";
      answers.forEach((_, n) => void sent(unnamed, `${n}`));
      answers.forEach((answer, n) => {
        unnamed[answer]();
        if (answer !== "skipped") expected = answer === "done" ? `${n}` : undefined;
        const newest = n === answers.length - 1 ? expected : `${answers.length - 1}`;
        expect([answers, n, unnamed.body?.toString()]).toEqual([answers, n, newest]);
      });
      expect(unnamed.onServer).toBe(answers.at(-1) === "done");
    }
  });

  it("is what was there before its Close, when that is skipped", () => {
    const unnamed = new UnnamedStatement();
    sent(unnamed, "a");
    unnamed.endSent();
    expect(unnamed.exists).toBe(false);
    unnamed.done();
    unnamed.skipped();
    expect(unnamed.body?.toString()).toBe("a");
    unnamed.endSent();
    unnamed.done();
    expect(unnamed.exists).toBe(false);
  });

  it("is destroyed by a simple query, whatever is answered behind it", () => {
    const unnamed = new UnnamedStatement();
    sent(unnamed, "a", "b");
    unnamed.destroyed();
    unnamed.done();
    unnamed.skipped();
    expect(unnamed.exists).toBe(false);
    unnamed.done();
    sent(unnamed, "c");
    unnamed.clear();
    expect([unnamed.exists, unnamed.onServer]).toEqual([false, false]);
  });

  it("is what the answers so far have left when no more will come", () => {
    const unnamed = new UnnamedStatement();
    sent(unnamed, "a", "b", "c");
    unnamed.done();
    unnamed.forget();
    expect([unnamed.body?.toString(), unnamed.onServer]).toEqual(["a", false]);
  });

  it("does not keep a large segment for a small part of it", () => {
    const unnamed = new UnnamedStatement();
    const segment = Buffer.alloc(1024 * 1024, "x");
    unnamed.parseSent(segment, 10, 20, 0, NO_NAMES);
    // Where Node puts small parts together there are 8 or 64 KiB of them.
    expect(unnamed.body?.buffer).not.toBe(segment.buffer);
    expect(unnamed.body?.buffer.byteLength).toBeLessThanOrEqual(64 * 1024);
  });

  it("is held for itself when it is to be kept for long", () => {
    const unnamed = new UnnamedStatement();
    const block = Buffer.allocUnsafeSlow(16 * 1024);
    const segment = block.subarray(100, 130).fill("select 1");
    unnamed.parseSent(segment, 0, 8, 0, NO_NAMES);
    unnamed.done();
    expect(unnamed.body?.buffer).toBe(block.buffer);
    unnamed.detach();
    const { body } = unnamed;
    expect([body?.toString(), body?.buffer.byteLength]).toEqual(["select 1", 8]);
    unnamed.detach();
    expect(unnamed.body?.buffer).toBe(body?.buffer);
    unnamed.clear();
    unnamed.detach();
    expect(unnamed.body).toBeUndefined();
  });
});

/** All lists of this length. */
function cases<T>(of: readonly T[], length: number): readonly (readonly T[])[] {
  return length === 0 ? [[]] : cases(of, length - 1).flatMap((head) => of.map((last) => [...head, last]));
}
