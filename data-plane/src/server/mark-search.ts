/** Looks for a text in segments that are cut anywhere. */
export class MarkSearch {
  readonly #mark: Buffer;
  /** The end of what has come, too short to hold it. */
  #tail = Buffer.alloc(0);
  #found = false;

  constructor(mark: string) {
    this.#mark = Buffer.from(mark, "latin1");
  }

  /** Whether it has come by the end of this segment. */
  found(segment: Buffer): boolean {
    if (this.#found) return true;
    const tailBytes = this.#mark.length - 1;
    const seam = Buffer.concat([this.#tail, segment.subarray(0, tailBytes)]);
    this.#found = seam.includes(this.#mark) || segment.includes(this.#mark);
    const whole = segment.length >= tailBytes ? segment : seam;
    this.#tail = Buffer.from(whole.subarray(Math.max(0, whole.length - tailBytes)));
    return this.#found;
  }
}
