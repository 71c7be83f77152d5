import { createHash } from "node:crypto";
import { BUNDLE_BOUNDS } from "@sluice/shared/bundle";
import { FileDamaged } from "./bundle-file.js";
import { readIfThere, writeDurably } from "./durable-file.js";
import { compareMoments, type Position } from "./position.js";

/** How far this data plane has ever come. Nothing older is taken, even when the state itself is lost. */
export interface StoredMark {
  readonly position: Position | undefined;
  /** The envelope that names the position; undefined: it was too large to be kept here. */
  readonly proof: Uint8Array | undefined;
  /** Of the newest keyset ever held. */
  readonly keysetVersion: bigint;
}

export const NO_MARK: StoredMark = { position: undefined, proof: undefined, keysetVersion: 0n };

/** A position, with the envelope that names it. */
export interface ProvenPosition {
  readonly position: Position;
  readonly envelope: Uint8Array;
}

/** The higher part of each: a mark never goes back. */
export function higherMark(
  mark: StoredMark,
  reached: ProvenPosition | undefined,
  keysetVersion: bigint,
): StoredMark {
  const order =
    reached === undefined || mark.position === undefined
      ? -1
      : compareMoments(mark.position, reached.position);
  const further = reached !== undefined && (order < 0 || (order === 0 && mark.proof === undefined));
  const proof = further && reached.envelope.length <= BUNDLE_BOUNDS.proofBytes ? reached.envelope : undefined;
  return {
    position: further ? reached.position : mark.position,
    proof: further ? proof : mark.proof,
    keysetVersion: keysetVersion > mark.keysetVersion ? keysetVersion : mark.keysetVersion,
  };
}

export function writeMark(path: string, mark: StoredMark): Promise<void> {
  const { position, proof, keysetVersion } = mark;
  const content = JSON.stringify({
    keyset: String(keysetVersion),
    ...(position === undefined
      ? {}
      : {
          epoch: String(position.epoch),
          generation: String(position.generation),
          root: Buffer.from(position.root).toString("hex"),
          ...(proof === undefined ? {} : { proof: Buffer.from(proof).toString("base64") }),
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
  const { keyset, epoch, generation, root, proof } = fields;
  return {
    keysetVersion: BigInt(keyset ?? 0),
    proof: proof === undefined ? undefined : Buffer.from(proof, "base64"),
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
