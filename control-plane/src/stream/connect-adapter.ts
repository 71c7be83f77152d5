import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  type ConnectRouterOptions,
  type ContextValues,
  createConnectRouter,
} from "@connectrpc/connect";
import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { Logger } from "@sluice/shared/observability";

/**
 * As `connectNodeAdapter`, from the same parts, but: a request whose authority or path is no URL is answered, where
 * the adapter throws out of the server's event and takes the process with it; a handler ends with its stream also
 * under a message that nobody reads; and what fails goes to our log, not to `console.error`.
 */
export function connectAdapter(
  routes: (router: ConnectRouter) => void,
  options: ConnectRouterOptions,
  contextValues: (request: Http2ServerRequest) => ContextValues,
  logger: Logger,
): (request: Http2ServerRequest, response: Http2ServerResponse) => void {
  const router = createConnectRouter(options);
  routes(router);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  return (request, response) => {
    const handler = handlers.get(request.url.split("?", 1)[0] ?? "");
    if (handler === undefined) {
      end(response, 404);
      return;
    }
    let universal: ReturnType<typeof universalRequestFromNodeRequest>;
    try {
      universal = universalRequestFromNodeRequest(request, response, undefined, contextValues(request));
    } catch {
      end(response, 400);
      return;
    }
    handler(universal)
      .then((answer) => universalResponseToNodeResponse(endsWith(request, answer), response))
      .catch((error: unknown) => {
        const { code } = ConnectError.from(error);
        // The other side went away, or was dropped: told where it matters.
        if (code === Code.Aborted || code === Code.Canceled) return;
        logger.debug("a stream ended in the middle of a message", { error });
      });
  };
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
