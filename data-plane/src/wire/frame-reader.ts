import { MalformedMessage } from "./malformed-message.js";

/** A whole message: its type byte and its body. */
export interface Frame {
  readonly type: number;
  readonly body: Buffer;
}

/** The type byte and the length. */
export const FRAME_HEADER_BYTES = 5;

/** Where the message at the start of `held` ends; undefined: it has not come whole. @throws MalformedMessage */
export function frameEnd(held: Buffer, maxBytes: number): number | undefined {
  if (held.length < FRAME_HEADER_BYTES) return undefined;
  const length = held.readInt32BE(1);
  if (length < 4 || length > maxBytes) throw new MalformedMessage("bad length");
  return held.length < 1 + length ? undefined : 1 + length;
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
    const end = frameEnd(held, this.#maxBytes);
    if (end === undefined) return undefined;
    this.#held = held.subarray(end);
    return { type: held[0] ?? 0, body: held.subarray(FRAME_HEADER_BYTES, end) };
  }

  /** What came behind the last message taken; the reader is empty afterwards. */
  takeRest(): Buffer {
    const rest = this.#held;
    this.#held = Buffer.alloc(0);
    return rest;
  }
}
