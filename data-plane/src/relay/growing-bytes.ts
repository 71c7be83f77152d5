/** Bytes that come in parts, in memory of their own: parts as small as a client likes would each keep what they were read into. */
export class GrowingBytes {
  #bytes: Buffer = NONE;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Adds `segment` from `from` on. Of room twice as much is made, but not more than `most`, unless what has come is more. */
  add(segment: Buffer, from: number, most: number): void {
    const length = this.#length + segment.length - from;
    if (length > this.#bytes.length) {
      const room = Buffer.allocUnsafeSlow(Math.max(length, Math.min(2 * length, most)));
      this.#bytes.copy(room, 0, 0, this.#length);
      this.#bytes = room;
    }
    segment.copy(this.#bytes, this.#length, from);
    this.#length = length;
  }

  /** All that has come; the next ones are others. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#bytes = NONE;
    this.#length = 0;
    return taken;
  }
}

const NONE = Buffer.alloc(0);
