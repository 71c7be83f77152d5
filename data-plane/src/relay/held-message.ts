/** The beginning of a message that cannot be understood before more of it is there. */
export class HeldMessage {
  #parts: Buffer[] = [];
  #length = 0;
  #needed = 0;

  get length(): number {
    return this.#length;
  }

  /** Until `needed` bytes from `at` on are there. */
  hold(segment: Buffer, at: number, needed: number): void {
    this.#parts = at === segment.length ? [] : [at === 0 ? segment : Buffer.from(segment.subarray(at))];
    this.#length = segment.length - at;
    this.#needed = needed;
  }

  /** What is there with this segment, when it is enough; undefined: more has to come. */
  join(segment: Buffer): Buffer | undefined {
    this.#parts.push(segment);
    this.#length += segment.length;
    if (this.#length < this.#needed) return undefined;
    const joined = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#length = 0;
    return joined;
  }
}
