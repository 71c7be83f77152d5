import type { DirectSocket } from "../transport/index.js";
import { GrowingBytes } from "./growing-bytes.js";

/** What a client may send ahead while it waits for a server. */
const MOST_BYTES = 256 * 1024;

/**
 * What a client has sent ahead, in front of what it sends next. The first segment is kept as it came, which is all that
 * most clients send; what comes behind it is put together. Beyond its bound the client is not heard.
 */
export class PendingSegments {
  readonly #client: DirectSocket;
  #first: Buffer | undefined;
  #more: GrowingBytes | undefined;
  #bytes = 0;

  constructor(client: DirectSocket) {
    this.#client = client;
  }

  get any(): boolean {
    return this.#bytes > 0;
  }

  add(segment: Buffer): void {
    if (this.#first === undefined) this.#first = segment;
    else {
      this.#more ??= new GrowingBytes();
      this.#more.add(segment, 0, MOST_BYTES);
    }
    this.#bytes += segment.length;
    if (this.#bytes > MOST_BYTES) this.#client.pause();
  }

  /** The usual case, without an array: there is one, and it is all. */
  takeOnly(): Buffer | undefined {
    if (this.#more !== undefined) return undefined;
    const segment = this.#first;
    this.#forget();
    return segment;
  }

  /** All of it; there is room for more then. */
  take(): Buffer[] {
    const segments: Buffer[] = [];
    if (this.#first !== undefined) segments.push(this.#first);
    if (this.#more !== undefined) segments.push(this.#more.take());
    this.#forget();
    return segments;
  }

  /** Nothing else than its bound is in the way of the client. */
  hearClient(): void {
    if (this.#bytes <= MOST_BYTES && this.#client.paused) this.#client.resume();
  }

  clear(): void {
    this.#first = undefined;
    this.#more = undefined;
    this.#bytes = 0;
  }

  #forget(): void {
    const full = this.#bytes > MOST_BYTES;
    this.clear();
    if (full) this.hearClient();
  }
}
