import { GrowingBytes } from "./growing-bytes.js";

/** The beginning of a message that cannot be understood before more of it is there. */
export class HeldMessage {
  readonly #bytes = new GrowingBytes();
  #needed = 0;

  get length(): number {
    return this.#bytes.length;
  }

  /** Until `needed` bytes from `at` on are there. */
  hold(segment: Buffer, at: number, needed: number): void {
    this.#needed = needed;
    this.#bytes.add(segment, at, needed);
  }

  /** What is there with this segment, when it is enough; undefined: more has to come. */
  join(segment: Buffer): Buffer | undefined {
    this.#bytes.add(segment, 0, this.#needed);
    return this.#bytes.length < this.#needed ? undefined : this.#bytes.take();
  }
}
