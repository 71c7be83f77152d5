/**
 * The beginning of a message that cannot be understood before more of it is there. It is copied: a client may send it in
 * parts as small as it likes, and each would keep what it was read into.
 */
export class HeldMessage {
  #bytes: Buffer = NONE;
  #length = 0;
  #needed = 0;

  get length(): number {
    return this.#length;
  }

  /** Until `needed` bytes from `at` on are there. */
  hold(segment: Buffer, at: number, needed: number): void {
    this.#needed = needed;
    this.#add(segment, at);
  }

  /** What is there with this segment, when it is enough; undefined: more has to come. */
  join(segment: Buffer): Buffer | undefined {
    this.#add(segment, 0);
    if (this.#length < this.#needed) return undefined;
    const joined = this.#bytes.subarray(0, this.#length);
    this.#bytes = NONE;
    this.#length = 0;
    return joined;
  }

  /** Room is made for twice as much, or for what is needed if that is less: it grows with what has come, not with what is said. */
  #add(segment: Buffer, from: number): void {
    const length = this.#length + segment.length - from;
    if (length > this.#bytes.length) {
      const room = Buffer.allocUnsafeSlow(Math.max(length, Math.min(2 * length, this.#needed)));
      this.#bytes.copy(room, 0, 0, this.#length);
      this.#bytes = room;
    }
    segment.copy(this.#bytes, this.#length, from);
    this.#length = length;
  }
}

const NONE = Buffer.alloc(0);
