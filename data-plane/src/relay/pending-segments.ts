import type { DirectSocket } from "../transport/index.js";

/** What a client may send ahead while it waits for a server. */
const MOST_BYTES = 256 * 1024;
/** Small ones are put together: each keeps what it was read into. */
const MOST_SEGMENTS = 32;

/** What a client has sent ahead, in front of what it sends next. Beyond its bound the client is not heard. */
export class PendingSegments {
  readonly #client: DirectSocket;
  #segments: Buffer[] = [];
  #bytes = 0;

  constructor(client: DirectSocket) {
    this.#client = client;
  }

  get any(): boolean {
    return this.#bytes > 0;
  }

  add(segment: Buffer): void {
    if (this.#segments.length === MOST_SEGMENTS) this.#segments = [Buffer.concat(this.#segments)];
    this.#segments.push(segment);
    this.#bytes += segment.length;
    if (this.#bytes > MOST_BYTES) this.#client.pause();
  }

  /** The usual case, without another array: there is one, and it is all. */
  takeOnly(): Buffer | undefined {
    if (this.#segments.length !== 1) return undefined;
    const segment = this.#segments.pop();
    const full = this.#bytes > MOST_BYTES;
    this.#bytes = 0;
    if (full) this.hearClient();
    return segment;
  }

  /** All of it; there is room for more then. */
  take(): Buffer[] {
    const segments = this.#segments;
    const full = this.#bytes > MOST_BYTES;
    this.#segments = [];
    this.#bytes = 0;
    if (full) this.hearClient();
    return segments;
  }

  /** Nothing else than its bound is in the way of the client. */
  hearClient(): void {
    if (this.#bytes <= MOST_BYTES && this.#client.paused) this.#client.resume();
  }

  clear(): void {
    this.#segments = [];
    this.#bytes = 0;
  }
}
