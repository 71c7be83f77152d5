import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What happens to a request on its way; undefined: it passes. */
export type Meddling = (seen: { readonly method: string; readonly path: string }) => Trouble | undefined;

export type Trouble =
  | { readonly answer: number; readonly headers?: Readonly<Record<string, string>> }
  /** The control plane gets the request, and its answer is lost. */
  | "lose-answer"
  /** Something else is done first. */
  | (() => Promise<void>);

/** A way to the API on which things go wrong. */
export class ApiInBetween {
  readonly #server: Server;
  readonly seen: string[] = [];
  meddle: Meddling = () => undefined;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async to(port: number): Promise<ApiInBetween> {
    const server = createServer();
    const between = new ApiInBetween(server);
    server.on("request", (incoming: IncomingMessage, outgoing: ServerResponse) => {
      between.#take(port, incoming, outgoing).catch(() => outgoing.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return between;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async #take(port: number, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = "", url: path = "", headers } = incoming;
    this.seen.push(`${method} ${path}`);
    const trouble = this.meddle({ method, path });
    if (typeof trouble === "object") {
      incoming.resume();
      outgoing.writeHead(trouble.answer, { "content-type": "application/json", ...trouble.headers });
      outgoing.end(JSON.stringify({ error: "not now" }));
      return;
    }
    if (typeof trouble === "function") await trouble();
    const passed = request({ host: "127.0.0.1", port, method, path, headers }, (answer) => {
      if (trouble === "lose-answer") {
        answer.resume().once("end", () => outgoing.destroy());
        return;
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    passed.once("error", () => outgoing.destroy());
    incoming.pipe(passed);
  }
}
