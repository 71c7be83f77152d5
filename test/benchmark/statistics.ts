/** The middle value; the mean of the two in the middle of an even number. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The smallest value that `share` (0 to 1) of all are not above. NaN of none. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return Number.NaN;
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))] ?? Number.NaN;
}

/** A figure of several rounds. */
export interface Figure {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export function figureOf(values: readonly number[]): Figure {
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) };
}

/** One against the other, round by round: what disturbs the machine disturbs both. */
export function ratioOf(ours: readonly number[], theirs: readonly number[]): Figure {
  return figureOf(ours.map((value, round) => value / (theirs[round] ?? Number.NaN)));
}
