import type { Held } from "../publishing/index.js";

/** Why an instance is sent nothing. */
export type Trouble =
  /** It holds what the history does not know. */
  | "AHEAD"
  /** It holds another state than the history has under this generation. */
  | "FORKED"
  /** It does not read the schema that is published. */
  | "INCOMPATIBLE";

export interface InstanceNack {
  readonly code: string;
  readonly detail: string;
  readonly refused: Held | undefined;
  readonly at: Date;
}

/** Who an instance is: its name in the group, which the credential names. */
export interface InstanceName {
  readonly group: string;
  readonly instance: string;
}

/** What changes while an instance is connected; written by the control plane that holds its stream. */
export interface InstanceStatus extends InstanceName {
  readonly region: string;
  readonly scope: string;
  readonly build: string;
  readonly keysetVersion: bigint;
  readonly lastSeenAt: Date;
  /** Null: its stream has ended. */
  readonly connectedSince: Date | null;
  readonly held: Held | undefined;
  /** Ids of records that are in quarantine there. */
  readonly quarantined: readonly string[];
  /** Null once it has taken something again; undefined: as it was, it has said nothing on this stream. */
  readonly nack: InstanceNack | null | undefined;
  readonly trouble: Trouble | null;
  /** Of its last report; null: none yet. */
  readonly ready: boolean | null;
  readonly freshnessAgeMs: number | null;
  readonly reportedAt: Date | null;
}

/** A data plane, as it is stored. */
export interface Instance extends InstanceStatus {
  readonly nack: InstanceNack | null;
  readonly publicKey: Buffer;
  /** Another key that it came with: refused until an operator allows it. */
  readonly waitingKey: Buffer | null;
  readonly firstSeenAt: Date;
  readonly revokedAt: Date | null;
}

export function nameOf({ group, instance }: InstanceName): string {
  return `${group}/${instance}`;
}
