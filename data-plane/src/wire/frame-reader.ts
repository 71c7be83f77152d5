import { MalformedMessage } from "./malformed-message.js";

/** A whole message: its type byte and its body. */
export interface Frame {
  readonly type: number;
  readonly body: Buffer;
}

/**
 * Whole messages out of segments that are cut anywhere, for the phases before the relay (login, on both sides),
 * where messages are few and small. A message above `maxBytes` is an error before anything is allocated for it.
 */
export class FrameReader {
  readonly #maxBytes: number;
  #held: Buffer = Buffer.alloc(0);

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(segment: Buffer): void {
    this.#held = this.#held.length === 0 ? segment : Buffer.concat([this.#held, segment]);
  }

  /** The next whole message, or undefined until more has come. Throws MalformedMessage. */
  next(): Frame | undefined {
    const held = this.#held;
    if (held.length < 5) return undefined;
    const length = held.readInt32BE(1);
    if (length < 4 || length > this.#maxBytes) throw new MalformedMessage("bad length");
    if (held.length < 1 + length) return undefined;
    this.#held = held.subarray(1 + length);
    return { type: held[0] ?? 0, body: held.subarray(5, 1 + length) };
  }

  /** What came behind the last message taken; the reader is empty afterwards. */
  takeRest(): Buffer {
    const rest = this.#held;
    this.#held = Buffer.alloc(0);
    return rest;
  }
}
