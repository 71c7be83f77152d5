import { createHash } from "node:crypto";
import type { StateTree } from "@sluice/shared/bundle";
import { readIfThere, writeDurably } from "./durable-file.js";

/*
 * Examining a record is most of the work of a start from disk, and its outcome follows from its bytes, from the build
 * and from the data keys that are held. So it is noted, beside the state file, which of its records could not be used:
 * all others need no second look while nothing of that has changed. The note proves nothing about where a record comes
 * from; signatures and the state root do. Lost or damaged it costs time, and no more.
 */

/** What was found of the records of a state. */
export interface Examination {
  readonly build: string;
  /** State root: of exactly these records. */
  readonly root: Uint8Array;
  /** Of all data keys that were held. */
  readonly dataKeyIds: readonly string[];
  /** Records that could not be used, or were not looked at. */
  readonly inDoubt: ReadonlySet<string>;
}

/** What is at hand now. */
export interface Circumstances {
  readonly build: string;
  readonly dataKeys: ReadonlyMap<string, Uint8Array>;
}

/** Whether it says of these records what an examination would say now. */
export function stillHolds(
  { build, root, dataKeyIds }: Examination,
  tree: StateTree,
  now: Circumstances,
): boolean {
  return (
    build === now.build &&
    Buffer.compare(root, tree.root) === 0 &&
    dataKeyIds.every((id) => now.dataKeys.has(id))
  );
}

export function writeExamination(path: string, examination: Examination): Promise<void> {
  const { build, root, dataKeyIds, inDoubt } = examination;
  const content = JSON.stringify({
    build,
    root: Buffer.from(root).toString("hex"),
    dataKeyIds,
    inDoubt: [...inDoubt],
  });
  return writeDurably(path, [Buffer.from(`${content}\n${checksum(content)}\n`, "utf8")]);
}

/** Undefined: there is none that can be used. */
export async function readExamination(path: string): Promise<Examination | undefined> {
  const [content = "", sum = ""] = ((await readIfThere(path))?.toString("utf8") ?? "").split("\n");
  if (sum !== checksum(content)) return undefined;
  const { build, root, dataKeyIds, inDoubt } = JSON.parse(content) as {
    readonly build: string;
    readonly root: string;
    readonly dataKeyIds: readonly string[];
    readonly inDoubt: readonly string[];
  };
  return { build, root: Buffer.from(root, "hex"), dataKeyIds, inDoubt: new Set(inDoubt) };
}

/** Against decay; see stored-mark.ts. */
function checksum(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}
