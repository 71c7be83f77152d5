import type { Deadline } from "@sluice/shared/time";
import type { ServerConnection } from "../server/index.js";

export type LeaseState =
  /** With a session, until its transaction ends. */
  | "leased"
  /** With a session until that ends: it left state that is not tracked. */
  | "pinned"
  /** Back, but a cancel request for its last holder is still on its way. */
  | "canceling"
  /** Back, being made clean. */
  | "resetting"
  | "idle"
  | "closed";

/** How a holder gives a server back. */
export interface ReleaseReport {
  /** ReadyForQuery that the server still owes. */
  readonly owed: number;
  /** Half a message, or half a batch, went out: the server cannot be understood any more. */
  readonly halfSent: boolean;
  /** More may come than is owed: it is read away first. */
  readonly uncertain?: boolean;
}

export const CLEAN: ReleaseReport = { owed: 0, halfSent: false };

/**
 * One server of a pool, and the right to use it while it is leased. Invariants: at most one holder; `cancels`
 * counts cancel requests under way, and the server is handed on only at 0.
 */
export interface Lease {
  readonly server: ServerConnection;
  readonly state: LeaseState;
  /** Its host is another one now: a session that keeps it should not do so for long. */
  readonly moved: boolean;
  /** What the session has sent may keep the server: it counts as kept until that is known. */
  pinning: boolean;
  /** The session keeps this server until it ends. */
  pin(): void;
  /** What it was kept for is gone, and nothing else is left. */
  unpin(): void;
  /** Exactly once; afterwards the server belongs to the pool. */
  release(report: ReleaseReport): void;
  /** Marks a cancel request as under way; the function returned ends it. */
  beginCancel(): () => void;
  /** Cancels what runs on the server, and waits until the request is delivered. */
  cancel(deadline: Deadline): Promise<void>;
}
