import type { SluiceError } from "@sluice/shared/errors";
import type { Lease } from "./lease.js";

/** Who waits for a server. It is told one of the two, once, unless it leaves the queue first. */
export interface Waiter {
  /** Most often in the very turn in which the server came back, from inside its release. */
  granted(lease: Lease): void;
  /** Never from inside a call to the pool. */
  refused(error: SluiceError): void;
}

/** In the queue of a pool. */
export interface Place {
  /** False when it was left before: the server is there, or the refusal is on its way. */
  leave(): boolean;
}
