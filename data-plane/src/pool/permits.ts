/** How a pool uses its permits, for whoever divides them. */
export interface PermitUsage {
  /** Servers that would be opened now if there were permits. */
  readonly wanted: number;
  /** Clients in the queue. */
  readonly waiting: number;
  /** How long the first of them has waited, in ms. */
  readonly longestWaitMs: number;
}

/** A pool, as its permits know it. */
export interface PermitUser {
  readonly usage: PermitUsage;
  /** One that was asked for is there: it is to be taken now. */
  permitAtHand(): void;
  /** Others starve: idle servers are to be closed as long as `yields` says so. */
  yieldIdle(): void;
}

/**
 * The right to open server connections of one pool, one permit for each. The workers of a data plane share what a pool
 * may have, so a pool never counts its sockets on its own authority.
 */
export interface Permits {
  /** Once, before anything else. */
  attach(user: PermitUser): void;
  /** Takes one that is at hand. */
  tryTake(): boolean;
  giveBack(): void;
  /** A server is being closed: its permit is spoken for from now on, and comes back by what is returned. */
  closing(): () => void;
  /** More could be used than are at hand; `usage` tells how many. Whoever asks is told by `permitAtHand`. */
  ask(): void;
  /** Whether a server that is free now must be closed, so that its permit goes elsewhere. */
  yields(wantedHere: boolean): boolean;
}

/** For a pool that shares with nobody. */
export class LocalPermits implements Permits {
  limit: number;
  #taken = 0;
  #closing = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  attach(): void {}

  tryTake(): boolean {
    if (this.#taken >= this.limit) return false;
    this.#taken += 1;
    return true;
  }

  giveBack(): void {
    this.#taken -= 1;
  }

  closing(): () => void {
    this.#closing += 1;
    return () => {
      this.#closing -= 1;
      this.giveBack();
    };
  }

  ask(): void {}

  yields(): boolean {
    return this.#taken - this.#closing > this.limit;
  }
}
