import type { Actor } from "../audit/index.js";
import type { Held } from "../publishing/index.js";
import type { Instance, InstanceName, InstanceStatus } from "./instance.js";
import type { Newest } from "./instance-standing.js";

/** That an instance has taken, or refused, a generation. */
export interface AckNote extends InstanceName {
  readonly scope: string;
  readonly held: Held;
  /** Null: taken. */
  readonly nackCode: string | null;
  /** How long ago it was heard, in ms: the store's clock decides when that was. */
  readonly ageMs: number;
}

/** What an instance did for orders of a tenant that came up to the state that it holds. */
export interface ResultNote extends InstanceName {
  readonly scope: string;
  readonly tenant: string;
  readonly held: Held;
  readonly counts: Readonly<Record<string, number>>;
}

export interface FleetNotes {
  /** The control plane that holds the streams. */
  readonly controlPlane: string;
  readonly statuses: readonly InstanceStatus[];
  readonly acks: readonly AckNote[];
  readonly results: readonly ResultNote[];
}

export interface ReportedNetworkBan {
  readonly tenant: string;
  readonly address: string;
  readonly remainingMs: number;
}

/** A part of an instance's report: what it says of the tenants of one bucket, or of itself. */
export interface ReportPart {
  readonly bucket: number;
  readonly bytes: Uint8Array;
}

export interface StoredReportPart extends InstanceName {
  readonly region: string;
  readonly bytes: Uint8Array;
}

export interface InstanceFilter {
  readonly region?: string | undefined;
  readonly group?: string | undefined;
}

/** An instance with the newest generation of its scope. */
export interface ListedInstance {
  readonly instance: Instance;
  readonly newest: Newest;
  /** When the first generation was committed that it lacks; null: it lacks none, or that is long ago. */
  readonly behindSince: Date | null;
}

/** How far one generation has come. */
export interface GenerationProgress {
  readonly generation: bigint;
  /** Null: too long ago. */
  readonly committedAt: Date | null;
  readonly scopes: readonly string[];
  readonly instances: readonly {
    readonly instance: Instance;
    readonly outcome: "acked" | "nacked" | "pending";
    readonly nackCode: string | null;
    /** Null: not acked, or nobody wrote down when. */
    readonly commitToAckMs: number | null;
  }[];
}

/** Whom an order concerns, and what they have done. */
export interface OrderProgress {
  readonly instance: Instance;
  readonly acked: boolean;
  readonly counts: Readonly<Record<string, number>>;
}

/** An answer of an instance to a generation, beside what is known of the generation. */
export interface SettledAck extends InstanceName {
  readonly generation: bigint;
  /** Null: it was taken. */
  readonly nackCode: string | null;
  readonly committedAt: Date;
  readonly commitToAckMs: number;
  /** Of the trace of the change. */
  readonly traceparent: string | null;
}

/** The database, as the fleet's view sees it: the same from every replica, and after a restart. */
export interface FleetStore {
  /**
   * All of it or nothing; answers to what was never published in their scope are left out.
   * @returns what was heard here for the first time.
   * @throws NotesRefused: one of them can never be written.
   */
  write(notes: FleetNotes): Promise<readonly SettledAck[]>;
  /** All streams of a control plane are still open. */
  touch(controlPlane: string, at: Date): Promise<void>;
  /** @param parts of the last report; undefined: as before. `kept`: buckets that did not change. */
  saveReport(
    name: InstanceName,
    parts: readonly ReportPart[],
    kept: readonly number[],
    bans: readonly ReportedNetworkBan[],
    at: Date,
  ): Promise<void>;
  /** Ordered by group and instance, from behind `after`. */
  list(
    filter: InstanceFilter,
    after: InstanceName | undefined,
    limit: number,
    epoch: bigint,
  ): Promise<readonly ListedInstance[]>;
  find(name: InstanceName, epoch: bigint): Promise<ListedInstance | undefined>;
  /** Undefined: there was no such generation yet. */
  generation(generation: bigint, epoch: bigint): Promise<GenerationProgress | undefined>;
  /** @param regions null: every region. */
  orderProgress(
    order: {
      readonly tenant: string;
      readonly generation: bigint;
      readonly regions: readonly string[] | null;
    },
    epoch: bigint,
  ): Promise<readonly OrderProgress[]>;
  /** Of reports younger than `since`. */
  reportParts(bucket: number, since: Date): Promise<readonly StoredReportPart[]>;
  /** Those still in force, of all instances; the latest end of each address. */
  networkBans(
    tenant: string,
    at: Date,
  ): Promise<readonly { readonly address: string; readonly untilMs: number }[]>;
  /**
   * Never again a data key for it: its row says so, and each scope that it has keys of gets a new one, all in one
   * transaction that takes a generation.
   * @returns undefined: there is no such instance
   */
  revoke(name: InstanceName, actor: Actor): Promise<{ readonly generation: bigint | undefined } | undefined>;
  /** Takes the waiting key in place of the one before. False: this key does not wait. */
  allow(name: InstanceName, fingerprint: string, actor: Actor): Promise<boolean>;
  /** False: there is no such instance. */
  forget(name: InstanceName, actor: Actor): Promise<boolean>;
  /** Removes what nobody asks for any more. @returns the instances that were forgotten */
  prune(vanishedBefore: Date): Promise<readonly InstanceName[]>;
}
