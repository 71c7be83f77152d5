import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";

export interface HttpRequest {
  readonly method: "GET" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly timeoutMs: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export type HttpCall = (request: HttpRequest) => Promise<HttpAnswer>;

/** Terraform runs ten operations at once by default. */
const MOST_SOCKETS = 32;
const MOST_ANSWER_BYTES = 64 * 1024 * 1024;

/**
 * Calls below `endpoint`, over connections that are kept. `node:https` and not `fetch`, because a CA of one's own can be
 * given to it.
 * @param caCertificate PEM; undefined: the roots of Node
 */
export function httpCaller(endpoint: string, caCertificate: string | undefined): HttpCall {
  const base = new URL(endpoint);
  const secure = base.protocol === "https:";
  const agent = secure
    ? new HttpsAgent({ keepAlive: true, maxSockets: MOST_SOCKETS, ca: caCertificate })
    : new HttpAgent({ keepAlive: true, maxSockets: MOST_SOCKETS });
  const prefix = base.pathname.replace(/\/+$/, "");
  const send = secure ? httpsRequest : httpRequest;
  return ({ method, path, headers, body, timeoutMs }) =>
    new Promise((resolve, reject) => {
      const sent = send(
        unchangedUrl(prefix + path, base),
        { method, agent, headers, signal: AbortSignal.timeout(timeoutMs) },
        (answer) => {
          const chunks: Buffer[] = [];
          let length = 0;
          answer.on("data", (chunk: Buffer) => {
            length += chunk.length;
            chunks.push(chunk);
            if (length > MOST_ANSWER_BYTES) answer.destroy(new Error("the answer is too long"));
          });
          answer.once("error", reject);
          answer.once("end", () =>
            resolve({
              status: answer.statusCode ?? 0,
              headers: answer.headers,
              text: Buffer.concat(chunks).toString(),
            }),
          );
        },
      );
      sent.once("error", (error) =>
        reject(error.name === "TimeoutError" ? new Error(`no answer within ${timeoutMs} ms`) : error),
      );
      sent.end(body);
    });
}

/** @throws for a path that a URL would shorten: it would ask for something else */
function unchangedUrl(path: string, base: URL): URL {
  const url = new URL(path, base);
  if (url.pathname + url.search !== path || url.origin !== base.origin) {
    throw new Error(`the path ${path} would be sent as ${url.pathname}${url.search}`);
  }
  return url;
}
