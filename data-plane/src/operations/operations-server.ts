import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Registry } from "prom-client";

export interface Readiness {
  readonly ready: boolean;
  /** Shown as it is: nothing secret. */
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface OperationsOptions {
  readonly host: string;
  readonly port: number;
  readonly readiness: () => Readiness;
  readonly metrics: Registry;
}

/** `/livez`, `/readyz` and `/metrics`, for whoever runs this data plane; not for its clients. */
export function startOperations(
  options: OperationsOptions,
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const server = createServer((request, response) => {
    switch (request.url) {
      case "/livez":
        answer(response, 200, { status: "ok" });
        break;
      case "/readyz": {
        const { ready, detail } = options.readiness();
        answer(response, ready ? 200 : 503, { status: ready ? "ok" : "not ready", ...detail });
        break;
      }
      case "/metrics":
        options.metrics.metrics().then(
          (text) => response.writeHead(200, { "content-type": options.metrics.contentType }).end(text),
          () => answer(response, 500, { error: "internal error" }),
        );
        break;
      default:
        answer(response, 404, { error: "there are /livez, /readyz and /metrics" });
    }
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, () =>
      resolve({
        port: (server.address() as AddressInfo).port,
        stop: () =>
          new Promise((stopped) => {
            server.close(() => stopped());
            server.closeAllConnections();
          }),
      }),
    );
  });
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
