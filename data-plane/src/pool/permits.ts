/**
 * The right to open server connections of one pool. One worker asks itself; several will ask the primary, so a
 * pool never counts its sockets on its own authority.
 */
export interface Permits {
  /** Takes one if one is free. */
  tryTake(): boolean;
  giveBack(): void;
  /** Above the limit after it was lowered: a server should be closed. */
  readonly exceeded: boolean;
  limit: number;
}

/** For a data plane with one worker. */
export class LocalPermits implements Permits {
  limit: number;
  #taken = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get exceeded(): boolean {
    return this.#taken > this.limit;
  }

  tryTake(): boolean {
    if (this.#taken >= this.limit) return false;
    this.#taken += 1;
    return true;
  }

  giveBack(): void {
    this.#taken -= 1;
  }
}
