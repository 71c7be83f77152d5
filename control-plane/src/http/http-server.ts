import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

/** Against clients that send slowly. */
export interface SlowRequests {
  /** Of the headers of a request, and of all of it. */
  readonly headersMs: number;
  readonly requestMs: number;
  readonly checkedEveryMs: number;
}

const SLOW_REQUESTS: SlowRequests = { headersMs: 10_000, requestMs: 30_000, checkedEveryMs: 5000 };
const KEEP_ALIVE_MS = 5000;

export interface HttpServer {
  readonly port: number;
  /** Takes no new requests, and resolves when those under way are answered. */
  stop(): Promise<void>;
}

/** @throws when the port is taken, with its number and variable. */
export async function startHttpServer(
  app: RequestListener,
  host: string,
  port: number,
  slow: SlowRequests = SLOW_REQUESTS,
): Promise<HttpServer> {
  const server = createServer(
    {
      headersTimeout: slow.headersMs,
      requestTimeout: slow.requestMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: slow.checkedEveryMs,
    },
    app,
  );
  let stopping = false;
  server.on("request", (_request, response) => {
    // What was busy when the end began is idle only now, and would be kept for another request.
    response.once("close", () => {
      if (stopping) server.closeIdleConnections();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      reject(new Error(`PORT: cannot listen on ${host}, port ${port}`, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        stopping = true;
        // Closes idle connections too; the others when their answer is out.
        server.close(() => resolve());
      }),
  };
}
