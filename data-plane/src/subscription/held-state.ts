import type { StateTree, VerifiedBytes } from "@sluice/shared/bundle";

/** The state in force, as it was signed. */
export interface HeldState {
  readonly epoch: bigint;
  readonly generation: bigint;
  readonly tree: StateTree;
  /** Records by id; those in quarantine with the content that could not be used. */
  readonly records: ReadonlyMap<string, VerifiedBytes>;
}
