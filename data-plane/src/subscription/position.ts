/** A point in the scope's history, as it was signed. */
export interface Position {
  readonly epoch: bigint;
  readonly generation: bigint;
  /** State root, 32 bytes. */
  readonly root: Uint8Array;
}

/** Below 0 when `a` comes before `b`. A higher epoch comes after every generation of a lower one. */
export function compareMoments(
  a: Pick<Position, "epoch" | "generation">,
  b: Pick<Position, "epoch" | "generation">,
): number {
  if (a.epoch !== b.epoch) return a.epoch < b.epoch ? -1 : 1;
  if (a.generation !== b.generation) return a.generation < b.generation ? -1 : 1;
  return 0;
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

export function samePosition(a: Position | undefined, b: Position | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return compareMoments(a, b) === 0 && sameBytes(a.root, b.root);
}

export function describePosition(position: Position | undefined): string {
  if (position === undefined) return "nothing";
  const root = Buffer.from(position.root).toString("hex", 0, 6);
  return `generation ${position.generation} of epoch ${position.epoch} (root ${root})`;
}
