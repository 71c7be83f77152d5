import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { Backend, FRAME_HEADER_BYTES, FrameReader, MalformedMessage } from "../wire/index.js";

/** A message of a login, or the row of one role, is a hundredth of it. */
const MOST_MESSAGE_BYTES = 64 * 1024;
/** From one ReadyForQuery to the next. */
const MOST_ANSWER_BYTES = 1024 * 1024;

/**
 * What a server that is not trusted says, for the parser of `pg`: that one reads beyond the end of a notice or error
 * without an end for ever, throws into the event loop for a number that is cut, and would collect an answer that does
 * not end. Here come whole messages only; for anything else the connection is closed.
 */
export function checkedAnswers(stream: Socket): EventEmitter {
  const answers = new EventEmitter();
  const reader = new FrameReader(MOST_MESSAGE_BYTES);
  let bytes = 0;
  stream.on("data", (segment: Buffer) => {
    try {
      bytes += segment.length;
      if (bytes > MOST_ANSWER_BYTES) throw new MalformedMessage("the server's answer is too long");
      reader.push(segment);
      for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
        const { type, body } = frame;
        if (type === Backend.ReadyForQuery) bytes = 0;
        if ((type === Backend.ErrorResponse || type === Backend.NoticeResponse) && !isEnded(body))
          throw new MalformedMessage("fields without an end from the server");
        // The header stands in front of it.
        const start = body.byteOffset - FRAME_HEADER_BYTES;
        answers.emit("data", Buffer.from(body.buffer, start, FRAME_HEADER_BYTES + body.length));
      }
    } catch (error) {
      stream.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  });
  stream.on("end", () => answers.emit("end"));
  return answers;
}

/** "Message Formats", ErrorResponse: fields that end with a zero byte, then one more, and nothing behind it. */
function isEnded(body: Buffer): boolean {
  let at = 0;
  while (at < body.length && body[at] !== 0) {
    const end = body.indexOf(0, at + 1);
    if (end === -1) return false;
    at = end + 1;
  }
  return at === body.length - 1;
}
