import type { VerifiedBytes } from "@sluice/shared/bundle";

/** One whole step from a state to the next. */
export interface AcceptedChange {
  readonly scope: string;
  readonly epoch: bigint;
  readonly generation: bigint;
  readonly dataKeys: ReadonlyMap<string, Uint8Array>;
  /** Only records whose bytes differ from those applied before. */
  readonly upsert: ReadonlyMap<string, VerifiedBytes>;
  readonly remove: readonly string[];
}

/** What was done for an order that came with a state. */
export interface ActedOrder {
  readonly tenant: string;
  /** For instance `clients_terminated`. */
  readonly counts: Readonly<Record<string, number>>;
}

/** What serves the configuration. */
export interface StateSink {
  /** Parses one record; throws when it cannot be used: then it is quarantined and the last good one stays. */
  examine(id: string, body: VerifiedBytes, dataKeys: ReadonlyMap<string, Uint8Array>): void;
  /** Atomic. */
  apply(change: AcceptedChange): void;
}
