import { Frontend, MalformedMessage } from "../wire/index.js";
import { HEADER_BYTES, stringsEnd } from "./message-bytes.js";

/** Texts and names up to this are looked at whole before any of it goes on. */
const MOST_WHOLE_BYTES = 64 * 1024;
/** Statements up to this can be prepared on any server; longer ones keep theirs. */
const MOST_STATEMENT_BYTES = 1024 * 1024;

/**
 * How many bytes of a message have to be there before any of it goes on; 0: it may go on in parts. Only for one of
 * which the end has not come yet, `segment` being all that has.
 * @throws MalformedMessage
 */
export function bytesNeeded(type: number, length: number, segment: Buffer, at: number): number {
  const here = segment.length - at;
  switch (type) {
    case Frontend.Query:
      return length > MOST_WHOLE_BYTES ? 0 : 1 + length;
    case Frontend.Parse:
      if (length <= MOST_STATEMENT_BYTES) return 1 + length;
      if (stringsEnd(segment, at + HEADER_BYTES, 1) !== -1) return 0;
      if (here > MOST_WHOLE_BYTES) throw new MalformedMessage("the name of a statement is too long");
      return here + 1;
    case Frontend.Bind:
      if (stringsEnd(segment, at + HEADER_BYTES, 2) !== -1) return 0;
      if (here > MOST_WHOLE_BYTES) throw new MalformedMessage("the names in a Bind are too long");
      return here + 1;
    case Frontend.Describe:
    case Frontend.Close:
      if (length > MOST_WHOLE_BYTES) throw new MalformedMessage("the name of a statement is too long");
      return 1 + length;
    default:
      return 0;
  }
}
