import type { DatabaseServer } from "../pool/index.js";

/**
 * A database server has no connection left for a worker: one worker after the other is asked to close a server there that
 * is idle, until one has done so.
 */
export interface RoomRound {
  readonly at: DatabaseServer;
  /** Workers that have none to spare, in the order in which they found out. */
  readonly without: readonly number[];
}

/** Whose turn it is: the next by number, so that not always the same one gives. Undefined: nobody has any. */
export function nextInRound({ without }: RoomRound, workers: Iterable<number>): number | undefined {
  const last = without.at(-1) ?? -1;
  const left = [...workers].filter((worker) => !without.includes(worker)).sort((a, b) => a - b);
  return left.find((worker) => worker > last) ?? left[0];
}
