import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  type ConnectRouterOptions,
  type ContextValues,
  createConnectRouter,
} from "@connectrpc/connect";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { Logger } from "@sluice/shared/observability";

/**
 * As `connectNodeAdapter`, from the same parts, but: a request whose authority or path is no URL is answered, where
 * the adapter throws out of the server's event and takes the process with it; and what fails goes to our log, not
 * to `console.error`.
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
      .then((answer) => universalResponseToNodeResponse(answer, response))
      .catch((error: unknown) => {
        const { code } = ConnectError.from(error);
        // The other side went away, or was dropped: told where it matters.
        if (code === Code.Aborted || code === Code.Canceled) return;
        logger.debug("a stream ended in the middle of a message", { error });
      });
  };
}

function end(response: Http2ServerResponse, status: number): void {
  response.writeHead(status);
  response.end();
}
