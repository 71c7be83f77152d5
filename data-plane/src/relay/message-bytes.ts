import { MalformedMessage } from "../wire/index.js";

/** Type and length of a message. */
export const HEADER_BYTES = 5;
/** In Describe and Close: a statement's name follows, and not a portal's. */
export const STATEMENT = 0x53;
/** Of a Parse, behind the name: an empty text without parameters. */
export const NO_TEXT = Buffer.alloc(3);

/**
 * Where the name that begins at `name` ends, in a message up to `end`.
 * @throws MalformedMessage
 */
export function nameEndOf(segment: Buffer, name: number, end: number): number {
  const nameEnd = segment.indexOf(0, name);
  if (nameEnd === -1 || nameEnd >= end) throw new MalformedMessage("a name has no end");
  return nameEnd;
}

/** Behind the `count`th zero from here on; -1: it has not come yet. */
export function stringsEnd(segment: Buffer, from: number, count: number): number {
  let at = from;
  for (let left = count; left > 0; left--) {
    const zero = segment.indexOf(0, at);
    if (zero === -1) return -1;
    at = zero + 1;
  }
  return at;
}

export function messageOf(type: number, body: Buffer): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + body.length);
  bytes[0] = type;
  bytes.writeInt32BE(4 + body.length, 1);
  bytes.set(body, HEADER_BYTES);
  return bytes;
}
