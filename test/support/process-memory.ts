import { closeSync, openSync, readFileSync, readSync } from "node:fs";

const STEP_BYTES = 4 * 1024 * 1024;

/**
 * How often each text stands in what a process can write to: heap, stack and everything that was mapped without a file,
 * in bytes of UTF-8 or Latin-1 as V8 and Buffers have them, and of UTF-16. Needs to be root, or its parent's owner.
 */
export function countInMemory(pid: number, texts: readonly string[]): number[] {
  const needles = texts.map((text) => [Buffer.from(text, "utf8"), Buffer.from(text, "utf16le")]);
  const longest = Math.max(...needles.flat().map(({ length }) => length));
  const counts = texts.map(() => 0);
  const memory = openSync(`/proc/${pid}/mem`, "r");
  try {
    for (const { from, to } of writableRegions(pid)) {
      // Each step begins a little in front of where the last one ended: what lies across is found, once.
      for (let start = from; start < to; start += STEP_BYTES) {
        const bytes = Buffer.alloc(Math.min(STEP_BYTES + longest - 1, to - start));
        let read = 0;
        try {
          read = readSync(memory, bytes, 0, bytes.length, start);
        } catch {
          // It was given back meanwhile.
        }
        const seen = bytes.subarray(0, read);
        for (const [index, forms] of needles.entries()) {
          for (const form of forms) counts[index] = (counts[index] ?? 0) + occurrences(seen, form);
        }
      }
    }
  } finally {
    closeSync(memory);
  }
  return counts;
}

function writableRegions(pid: number): { readonly from: number; readonly to: number }[] {
  return readFileSync(`/proc/${pid}/maps`, "utf8")
    .split("\n")
    .flatMap((line) => {
      const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
      return from === undefined || to === undefined
        ? []
        : [{ from: Number.parseInt(from, 16), to: Number.parseInt(to, 16) }];
    });
}

function occurrences(bytes: Buffer, needle: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(needle); at !== -1; at = bytes.indexOf(needle, at + 1)) count += 1;
  return count;
}
