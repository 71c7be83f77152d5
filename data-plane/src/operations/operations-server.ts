import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { LOG_LEVELS, type LogLevel } from "@sluice/shared/observability";
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
  /** The least level that is logged. */
  readonly logLevel: { get(): LogLevel; set(level: LogLevel): void };
}

const MOST_BODY_BYTES = 100;
/** A slow or silent caller must not hold the port. */
const REQUEST_TIMEOUT_MS = 10_000;

/** `/livez`, `/readyz`, `/metrics` and `/log-level`, for whoever runs this data plane; not for its clients. */
export function startOperations(
  options: OperationsOptions,
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    serve(request, response, options).catch(() => answer(response, 500, { error: "internal error" }));
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

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  { readiness, metrics, logLevel }: OperationsOptions,
): Promise<void> {
  const [path] = (request.url ?? "").split("?", 1);
  switch (path) {
    case "/livez":
      answer(response, 200, { status: "ok" });
      break;
    case "/readyz": {
      const { ready, detail } = readiness();
      answer(response, ready ? 200 : 503, { status: ready ? "ok" : "not ready", ...detail });
      break;
    }
    case "/metrics":
      await answerMetrics(request, response, metrics);
      break;
    case "/log-level":
      await answerLogLevel(request, response, logLevel);
      break;
    default:
      answer(response, 404, { error: "there are /livez, /readyz, /metrics and /log-level" });
  }
}

async function answerLogLevel(
  request: IncomingMessage,
  response: ServerResponse,
  logLevel: OperationsOptions["logLevel"],
): Promise<void> {
  switch (request.method) {
    case "PUT": {
      const wanted = (await bodyOf(request)).trim();
      const level = LOG_LEVELS.find((known) => known === wanted);
      if (level === undefined) {
        answer(response, 400, { error: `the body must be one of ${LOG_LEVELS.join(", ")}` });
        return;
      }
      logLevel.set(level);
      break;
    }
    case "GET":
    case "HEAD":
      break;
    default:
      response.setHeader("allow", "GET, HEAD, PUT");
      answer(response, 405, { error: "GET tells the level, PUT sets it" });
      return;
  }
  answer(response, 200, { level: logLevel.get() });
}

async function answerMetrics(
  request: IncomingMessage,
  response: ServerResponse,
  metrics: Registry,
): Promise<void> {
  const text = await metrics.metrics();
  const head = { "content-type": metrics.contentType };
  if (/\bgzip\b/.test(String(request.headers["accept-encoding"]))) {
    // The labels of a pool are the same on each of its many lines.
    const packed = await promisify(gzip)(text);
    response.writeHead(200, { ...head, "content-encoding": "gzip" }).end(packed);
  } else response.writeHead(200, head).end(text);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const part of request) {
    text += String(part);
    if (text.length > MOST_BODY_BYTES) return "";
  }
  return text;
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent) return;
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
