import type { Http2ServerRequest } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import { type Clock, Deadline, DeadlinePassed, within } from "@sluice/shared/time";

/** The request's message, as it comes. @throws ConnectError when it is not there in time. */
export async function* bodyInTime(
  request: Http2ServerRequest,
  clock: Clock,
  limitMs: number,
): AsyncGenerator<Uint8Array> {
  const deadline = Deadline.after(clock, limitMs);
  // Whoever stops reading has an answer to give first.
  const pieces: AsyncIterator<Uint8Array> = request.iterator({ destroyOnReturn: false });
  try {
    for (;;) {
      const piece = await within(deadline, "the request", pieces.next());
      if (piece.done === true) return;
      yield piece.value;
    }
  } catch (error) {
    if (!(error instanceof DeadlinePassed)) throw error;
    throw new ConnectError(`the request has not come within ${limitMs} ms`, Code.DeadlineExceeded);
  }
}

/** In place of a message that nobody reads: the call fails with the refusal, as the protocol has it. */
export function refusedBody(refusal: ConnectError): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(refusal) }) };
}
