/**
 * What a server still owes a client: one entry for each request that ends in ReadyForQuery, in order, and one for
 * each end of COPY data, so that a Sync that the server swallows while it reads COPY data is not waited for
 * ("COPY Operations": the backend ignores Flush and Sync in copy-in mode).
 *
 *   entries   Q = Query or FunctionCall   S = Sync   C = CopyDone or CopyFail
 *   ring      [ ...free..., head: oldest, ..., tail: next free, ...free... ], a power of two long
 */
const QUERY = 1;
const SYNC = 2;
const COPY_END = 3;

export class Ledger {
  #ring = new Uint8Array(16);
  #head = 0;
  #length = 0;
  /** Without the COPY_ENDs. */
  #owed = 0;
  #copying = false;

  /** How many ReadyForQuery are still to come. */
  get owed(): number {
    return this.#owed;
  }

  /** The server reads COPY data. */
  get copying(): boolean {
    return this.#copying;
  }

  query(): void {
    this.#push(QUERY);
    this.#owed += 1;
  }

  sync(): void {
    // The server skips it: no answer will come.
    if (this.#copying) return;
    this.#push(SYNC);
    this.#owed += 1;
  }

  copyEnd(): void {
    if (this.#copying) this.#copying = false;
    else this.#push(COPY_END);
  }

  /** ReadyForQuery came. */
  ready(): void {
    this.#copying = false;
    while (this.#length > 0 && this.#ring[this.#head] === COPY_END) this.#shift();
    if (this.#length > 0) {
      this.#shift();
      this.#owed -= 1;
    }
    // A CopyDone that came too late is ignored by the server.
    while (this.#length > 0 && this.#ring[this.#head] === COPY_END) this.#shift();
  }

  /** CopyInResponse came: the Syncs that were sent before the data's end are never answered. */
  copyIn(): void {
    const mask = this.#ring.length - 1;
    let keepFront = 0;
    if (this.#length > 0 && this.#ring[this.#head] === QUERY) keepFront = 1;
    let swallowed = 0;
    while (
      keepFront + swallowed < this.#length &&
      this.#ring[(this.#head + keepFront + swallowed) & mask] === SYNC
    ) {
      swallowed += 1;
    }
    const ended =
      this.#ring[(this.#head + keepFront + swallowed) & mask] === COPY_END &&
      keepFront + swallowed < this.#length;
    const removed = swallowed + (ended ? 1 : 0);
    const rest: number[] = [];
    for (let i = 0; i < this.#length; i++) {
      if (i >= keepFront && i < keepFront + removed) continue;
      rest.push(this.#ring[(this.#head + i) & mask] ?? 0);
    }
    this.#owed -= swallowed;
    this.#head = 0;
    this.#length = rest.length;
    this.#ring.set(rest);
    this.#copying = !ended;
  }

  clear(): void {
    this.#length = 0;
    this.#owed = 0;
    this.#copying = false;
  }

  #push(entry: number): void {
    if (this.#length === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = entry;
    this.#length += 1;
  }

  #shift(): void {
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#length -= 1;
  }

  #grow(): void {
    const wider = new Uint8Array(this.#ring.length * 2);
    for (let i = 0; i < this.#length; i++)
      wider[i] = this.#ring[(this.#head + i) & (this.#ring.length - 1)] ?? 0;
    this.#ring = wider;
    this.#head = 0;
  }
}
