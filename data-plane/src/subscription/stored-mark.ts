import { createHash } from "node:crypto";
import { FileDamaged } from "./bundle-file.js";
import { readIfThere, writeDurably } from "./durable-file.js";
import { compareMoments, type Position } from "./position.js";

/** How far this data plane has ever come. Nothing older is taken, even when the state itself is lost. */
export interface StoredMark {
  readonly position: Position | undefined;
  /** Of the newest keyset ever held. */
  readonly keysetVersion: bigint;
}

export const NO_MARK: StoredMark = { position: undefined, keysetVersion: 0n };

/** The higher part of each: a mark never goes back. */
export function higherMark(
  mark: StoredMark,
  position: Position | undefined,
  keysetVersion: bigint,
): StoredMark {
  const further =
    position !== undefined && (mark.position === undefined || compareMoments(mark.position, position) < 0);
  return {
    position: further ? position : mark.position,
    keysetVersion: keysetVersion > mark.keysetVersion ? keysetVersion : mark.keysetVersion,
  };
}

export function writeMark(path: string, mark: StoredMark): Promise<void> {
  const { position, keysetVersion } = mark;
  const content = JSON.stringify({
    keyset: String(keysetVersion),
    ...(position === undefined
      ? {}
      : {
          epoch: String(position.epoch),
          generation: String(position.generation),
          root: Buffer.from(position.root).toString("hex"),
        }),
  });
  return writeDurably(path, [Buffer.from(`${content}\n${checksum(content)}\n`, "utf8")]);
}

/** @throws FileDamaged */
export async function readMark(path: string): Promise<StoredMark> {
  const text = (await readIfThere(path))?.toString("utf8");
  if (text === undefined) return NO_MARK;
  const [content = "", sum = ""] = text.split("\n");
  if (sum !== checksum(content)) throw new FileDamaged(path, "its checksum is another one");
  const fields = JSON.parse(content) as Record<string, string | undefined>;
  const { keyset, epoch, generation, root } = fields;
  return {
    keysetVersion: BigInt(keyset ?? 0),
    position:
      epoch === undefined || generation === undefined || root === undefined
        ? undefined
        : { epoch: BigInt(epoch), generation: BigInt(generation), root: Buffer.from(root, "hex") },
  };
}

/** Against decay, not against an attacker: whoever can write here can also take everything away. */
function checksum(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}
