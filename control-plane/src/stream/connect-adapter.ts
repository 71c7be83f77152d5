import {
  constants,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  type ConnectRouterOptions,
  type ContextValues,
  createConnectRouter,
} from "@connectrpc/connect";
import type { UniversalServerRequest, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { Logger } from "@sluice/shared/observability";
import type { Clock } from "@sluice/shared/time";
import { type AuthenticateCall, callValues, settleCaller } from "./call-context.js";
import { bodyInTime, refusedBody } from "./request-body.js";

export interface ConnectAdapterOptions {
  readonly router: ConnectRouterOptions;
  readonly authenticate: AuthenticateCall;
  /** Somebody has shown a good credential on this connection. */
  readonly onKnown: (session: ServerHttp2Session) => void;
  /** How long a request may take to come. */
  readonly requestMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * As `connectNodeAdapter`, from the same parts, but: who calls is settled by the head, and of a request without a good
 * credential nothing more is read; a request whose authority or path is no URL is answered, where
 * the adapter throws out of the server's event and takes the process with it; a handler ends with its stream also
 * under a message that nobody reads; and what fails goes to our log, not to `console.error`.
 */
export function connectAdapter(
  routes: (router: ConnectRouter) => void,
  options: ConnectAdapterOptions,
): (request: Http2ServerRequest, response: Http2ServerResponse) => void {
  const { authenticate, onKnown, requestMs, clock, logger } = options;
  const router = createConnectRouter(options.router);
  routes(router);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));

  /** The request as far as its caller may have it read. */
  const admitted = async (
    universal: UniversalServerRequest,
    request: Http2ServerRequest,
    values: ContextValues,
  ): Promise<UniversalServerRequest> => {
    try {
      settleCaller(values, await authenticate(request));
    } catch (error) {
      discard(request, clock, requestMs);
      return { ...universal, body: refusedBody(ConnectError.from(error)) };
    }
    const { session } = request.stream;
    if (session !== undefined) onKnown(session as ServerHttp2Session);
    resetAfterAnswer(request);
    return { ...universal, body: bodyInTime(request, clock, requestMs) };
  };

  return (request, response) => {
    const handler = handlers.get(request.url.split("?", 1)[0] ?? "");
    if (handler === undefined) {
      end(response, 404);
      return;
    }
    const values = callValues(request);
    let universal: UniversalServerRequest;
    try {
      universal = universalRequestFromNodeRequest(request, response, undefined, values);
    } catch {
      end(response, 400);
      return;
    }
    admitted(universal, request, values)
      .then(handler)
      .then((answer) => universalResponseToNodeResponse(endsWith(request, answer), response))
      .catch((error: unknown) => {
        const { code } = ConnectError.from(error);
        // The other side went away, or was dropped: told where it matters.
        if (code === Code.Aborted || code === Code.Canceled) return;
        logger.debug("a stream ended in the middle of a message", { error });
      });
  };
}

/** What is left of a request that nobody reads on is not waited for, once there is the answer (RFC 9113 section 8.1). */
function resetAfterAnswer({ stream }: Http2ServerRequest): void {
  stream.once("finish", () => {
    if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
  });
}

/** Clients that are reset while they send lose the answer: they may come to their end, and not for ever. */
function discard({ stream }: Http2ServerRequest, clock: Clock, limitMs: number): void {
  stream.resume();
  const late = clock.schedule(limitMs, () => stream.close(constants.NGHTTP2_NO_ERROR));
  stream.once("close", () => late.cancel());
}

/**
 * Connect waits for "drain" under a message that does not fit, and HTTP/2 never tells a stream that is reset
 * meanwhile: without this a handler would hang at its `yield` for ever, with all that it holds.
 */
function endsWith(request: Http2ServerRequest, answer: UniversalServerResponse): UniversalServerResponse {
  const iterator = answer.body?.[Symbol.asyncIterator]();
  if (iterator === undefined) return answer;
  request.once("close", () => {
    iterator.return?.().catch(() => undefined);
  });
  return { ...answer, body: { [Symbol.asyncIterator]: () => iterator } };
}

function end(response: Http2ServerResponse, status: number): void {
  response.writeHead(status);
  response.end();
}
