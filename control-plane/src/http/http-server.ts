import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

/** Against clients that send slowly: a whole request's headers, and all of it. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 5000;
const TIMEOUTS_CHECKED_EVERY_MS = 5000;

export interface HttpServer {
  readonly port: number;
  /** Takes no new requests, and resolves when those under way are answered. */
  stop(): Promise<void>;
}

/** @throws when the port is taken, with its number and variable. */
export async function startHttpServer(app: RequestListener, host: string, port: number): Promise<HttpServer> {
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: TIMEOUTS_CHECKED_EVERY_MS,
    },
    app,
  );
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
        // Closes idle connections too; the others when their answer is out.
        server.close(() => resolve());
      }),
  };
}
