import { MalformedMessage } from "./malformed-message.js";
import { lengthAt } from "./message-length.js";
import { Backend } from "./message-types.js";

/**
 * Hot path: follows the messages of a server through segments that are cut anywhere, without copying what only
 * passes by. Loops and integers, nothing allocated for the usual message; every byte a server sends goes through
 * here once.
 *
 * A header that is not whole is held back until it is, so that whoever passes the bytes on always knows what they
 * belong to. Invariant between calls: at most one of #held and #remaining says that a message is under way.
 */
export interface BackendEvents {
  /**
   * A message begins at `start` of the segment that `scan` returns, and ends at `end`, which may lie beyond it.
   * Not told of DataRow and CopyData.
   */
  begins(type: number, start: number, end: number): void;
  /** `end` is the offset behind the message in the segment. */
  readyForQuery(status: number, end: number): void;
  /** ParameterStatus and ErrorResponse, and CommandComplete while `wantsTags`; whole, or cut at 64 KiB. */
  message(type: number, body: Buffer): void;
  /** CopyInResponse and CopyBothResponse. */
  copyIn(): void;
}

/** A body that is wanted whole is never longer than this; longer ones are cut. */
const MOST_KEPT_BYTES = 64 * 1024;
const HEADER_BYTES = 5;

export class BackendScanner {
  readonly #events: BackendEvents;
  /** CommandComplete is told whole, too. */
  wantsTags = false;
  #held: Buffer | undefined;
  #remaining = 0;
  #type = 0;
  #kept: Buffer[] | undefined;
  #keptLength = 0;

  constructor(events: BackendEvents) {
    this.#events = events;
  }

  get betweenMessages(): boolean {
    return this.#held === undefined && this.#remaining === 0;
  }

  /**
   * Returns what can be passed on: the segment, but for a header that is not whole.
   * @throws MalformedMessage when the server does not speak the protocol.
   */
  scan(received: Buffer): Buffer {
    let segment = received;
    if (this.#held !== undefined) {
      segment = Buffer.concat([this.#held, received]);
      this.#held = undefined;
    }
    const end = segment.length;
    let at = this.#remaining > 0 ? this.#continueBody(segment) : 0;
    while (at < end) {
      if (end - at < HEADER_BYTES) {
        this.#held = Buffer.from(segment.subarray(at));
        return segment.subarray(0, at);
      }
      const type = segment[at] as number;
      const length = lengthAt(segment, at + 1);
      if (length < 4) throw new MalformedMessage("bad length from the server");
      const bodyEnd = at + 1 + length;
      if (type === Backend.DataRow || type === Backend.CopyData) {
        if (bodyEnd > end) {
          this.#type = type;
          this.#remaining = bodyEnd - end;
          return segment;
        }
        at = bodyEnd;
        continue;
      }
      const body = at + HEADER_BYTES;
      this.#events.begins(type, at, bodyEnd);
      if (bodyEnd > end) {
        this.#type = type;
        this.#remaining = bodyEnd - end;
        this.#kept = this.#isKept(type) || type === Backend.ReadyForQuery ? [] : undefined;
        this.#keptLength = 0;
        if (body < end) this.#keep(segment.subarray(body, end));
        return segment;
      }
      if (type === Backend.ReadyForQuery)
        this.#events.readyForQuery(statusIn(segment, body, bodyEnd), bodyEnd);
      else if (this.#isKept(type)) this.#events.message(type, segment.subarray(body, bodyEnd));
      else if (type === Backend.CopyInResponse || type === Backend.CopyBothResponse) this.#events.copyIn();
      at = bodyEnd;
    }
    return segment;
  }

  #isKept(type: number): boolean {
    return (
      type === Backend.ParameterStatus ||
      type === Backend.ErrorResponse ||
      (type === Backend.CommandComplete && this.wantsTags)
    );
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
    else if (body !== undefined) this.#events.message(this.#type, body);
    else if (this.#type === Backend.CopyInResponse || this.#type === Backend.CopyBothResponse)
      this.#events.copyIn();
    return part;
  }

  #keep(part: Buffer): void {
    const room = MOST_KEPT_BYTES - this.#keptLength;
    if (this.#kept === undefined || room <= 0) return;
    this.#kept.push(Buffer.from(part.subarray(0, room)));
    this.#keptLength += Math.min(room, part.length);
  }
}

/** ReadyForQuery's body is one byte; anything else would make of a neighbour's byte our transaction's status. */
function statusIn(bytes: Buffer, start: number, end: number): number {
  if (end - start !== 1) throw new MalformedMessage("ReadyForQuery of a wrong size from the server");
  return bytes[start] ?? 0;
}
