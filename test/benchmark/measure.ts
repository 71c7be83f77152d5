import type { Contestant, Course } from "./contestants/contestant.js";
import type { Machine } from "./machine.js";

/** What a benchmark is given. */
export interface Ground {
  readonly course: Course;
  readonly direct: Contestant;
  readonly sluice: Contestant;
  /** Undefined: there is none on this machine. */
  readonly pgbouncer: Contestant | undefined;
  readonly loadProcessor: number | undefined;
  /** Fewer cells, shorter rounds. */
  readonly quick: boolean;
  readonly note: (line: string) => void;
}

/** One line of a table: figures by column. A text where there is nothing to measure, with the reason. */
export interface Row {
  readonly cell: string;
  readonly values: Readonly<Record<string, number | string>>;
}

/** One plot: a group of bars for each row, a bar for each series. */
export interface Plot {
  readonly title: string;
  readonly unit: string;
  readonly series: readonly string[];
}

export interface Outcome {
  readonly rows: readonly Row[];
  readonly plot: Plot | undefined;
  /** Every figure of every round, for whoever wants to look closer. */
  readonly rounds: unknown;
}

export interface Measure {
  readonly name: string;
  readonly what: string;
  measure(ground: Ground): Promise<Outcome>;
}

/** One in which no pooler of the ground takes part. */
export interface LoneMeasure extends Measure {
  measure(ground: Pick<Ground, "quick" | "note">): Promise<Outcome>;
}

/** An outcome as it is kept. */
export interface Result {
  readonly benchmark: string;
  readonly what: string;
  readonly at: string;
  readonly commit: string;
  readonly machine: Machine;
  readonly rows: readonly Row[];
  readonly rounds: unknown;
}
