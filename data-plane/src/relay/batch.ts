import type { Ledger } from "./ledger.js";

/**
 * Hot path: the messages of the extended protocol up to a Sync. A batch that is under way alone, and came whole in one
 * segment, is remembered, should it have to be sent again.
 */
export class Batch {
  /** Counts Syncs. */
  number = 0;
  /** Messages went out that no Sync has closed. */
  unsynced = false;
  /** The message that is looked at is the first of its batch. */
  opens = false;
  #segment: Buffer | undefined;
  #from = 0;
  #to = 0;

  /** In front of each message that may be the first. */
  begin(segment: Buffer, at: number, ledger: Ledger): void {
    this.opens = !this.unsynced;
    if (this.unsynced) return;
    this.#to = 0;
    if (ledger.owed === 0) {
      ledger.beginBatch();
      this.#segment = segment;
      this.#from = at;
    } else this.#segment = undefined;
  }

  /** A Sync ends it; the message behind begins at `end`. */
  sync(segment: Buffer, end: number): void {
    this.unsynced = false;
    this.number += 1;
    if (this.#segment === segment) this.#to = end;
    else this.#segment = undefined;
  }

  /** What to send again; undefined: it did not come whole in one segment, or not alone. */
  get messages(): Buffer | undefined {
    return this.#segment !== undefined && this.#to > this.#from
      ? this.#segment.subarray(this.#from, this.#to)
      : undefined;
  }

  forget(): void {
    this.#segment = undefined;
  }
}
