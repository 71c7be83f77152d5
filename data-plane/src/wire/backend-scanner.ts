import { MalformedMessage } from "./malformed-message.js";
import { Backend } from "./message-types.js";

/**
 * Hot path: follows the messages of a server through segments that are cut anywhere, without copying what only
 * passes by. Loops and integers, nothing allocated for the usual message; every byte a server sends goes through
 * here once.
 *
 * Invariant between calls: exactly one of
 *   header > 0            inside a header, its first bytes are in #header
 *   remaining > 0         inside a body
 *   both 0                between messages
 */
export interface BackendEvents {
  /** `end` is the offset behind the message in the segment. */
  readyForQuery(status: number, end: number): void;
  /** ParameterStatus, CommandComplete, ErrorResponse, BackendKeyData...: whatever `wants` names, whole. */
  message(type: number, body: Buffer, end: number): void;
  /** CopyInResponse and CopyBothResponse. */
  copyIn(): void;
}

/** A body that is wanted whole is never longer than this; longer ones are cut. */
const MOST_KEPT_BYTES = 64 * 1024;

export class BackendScanner {
  readonly #events: BackendEvents;
  readonly #header = Buffer.alloc(5);
  #headerLength = 0;
  #remaining = 0;
  #type = 0;
  #kept: Buffer[] | undefined;
  #keptLength = 0;

  constructor(events: BackendEvents) {
    this.#events = events;
  }

  get betweenMessages(): boolean {
    return this.#headerLength === 0 && this.#remaining === 0;
  }

  /** Throws MalformedMessage when the server does not speak the protocol. */
  scan(segment: Buffer): void {
    const end = segment.length;
    let at = 0;
    if (this.#remaining > 0) at = this.#continueBody(segment);
    while (at < end) {
      let type: number;
      let length: number;
      let body: number;
      if (this.#headerLength === 0 && end - at >= 5) {
        type = segment[at] as number;
        length = segment.readInt32BE(at + 1);
        body = at + 5;
      } else {
        const wanted = Math.min(5 - this.#headerLength, end - at);
        segment.copy(this.#header, this.#headerLength, at, at + wanted);
        this.#headerLength += wanted;
        if (this.#headerLength < 5) return;
        this.#headerLength = 0;
        type = this.#header[0] as number;
        length = this.#header.readInt32BE(1);
        body = at + wanted;
      }
      if (length < 4) throw new MalformedMessage("bad length from the server");
      const bodyEnd = body + length - 4;
      if (bodyEnd <= end) {
        // DataRow and the like take no branch but this one.
        if (type === Backend.ReadyForQuery)
          this.#events.readyForQuery(statusIn(segment, body, bodyEnd), bodyEnd);
        else if (isWanted(type)) this.#events.message(type, segment.subarray(body, bodyEnd), bodyEnd);
        else if (type === Backend.CopyInResponse || type === Backend.CopyBothResponse) this.#events.copyIn();
        at = bodyEnd;
      } else {
        this.#type = type;
        this.#remaining = bodyEnd - end;
        this.#kept = isWanted(type) || type === Backend.ReadyForQuery ? [] : undefined;
        this.#keptLength = 0;
        if (this.#kept !== undefined && body < end) this.#keep(segment.subarray(body, end));
        return;
      }
    }
  }

  #continueBody(segment: Buffer): number {
    const part = Math.min(this.#remaining, segment.length);
    if (this.#kept !== undefined) this.#keep(segment.subarray(0, part));
    this.#remaining -= part;
    if (this.#remaining > 0) return part;
    const body = this.#kept === undefined ? undefined : Buffer.concat(this.#kept);
    this.#kept = undefined;
    if (this.#type === Backend.ReadyForQuery && body !== undefined)
      this.#events.readyForQuery(statusIn(body, 0, this.#keptLength), part);
    else if (body !== undefined) this.#events.message(this.#type, body, part);
    else if (this.#type === Backend.CopyInResponse || this.#type === Backend.CopyBothResponse)
      this.#events.copyIn();
    return part;
  }

  #keep(part: Buffer): void {
    const room = MOST_KEPT_BYTES - this.#keptLength;
    if (room <= 0) return;
    this.#kept?.push(Buffer.from(part.subarray(0, room)));
    this.#keptLength += Math.min(room, part.length);
  }
}

/** ReadyForQuery's body is one byte; anything else would make of a neighbour's byte our transaction's status. */
function statusIn(bytes: Buffer, start: number, end: number): number {
  if (end - start !== 1) throw new MalformedMessage("ReadyForQuery of a wrong size from the server");
  return bytes[start] ?? 0;
}

function isWanted(type: number): boolean {
  return type === Backend.ParameterStatus || type === Backend.ErrorResponse;
}
