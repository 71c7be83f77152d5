import type { Http2Server, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { frame, MOST_MESSAGE_BYTES, unframe } from "./grpc-frame.js";
import { GRPC_STATUS, GrpcFailure } from "./grpc-status.js";
import { log } from "./hclog.js";

/** A method by its path, `/service/method`: bytes of the request's message to those of the answer's. */
export type GrpcMethods = ReadonlyMap<string, (request: Uint8Array) => Promise<Uint8Array>>;

/** Unary gRPC on node:http2. What is not among the methods is UNIMPLEMENTED, which Terraform takes for "not there". */
export class GrpcServer {
  readonly #methods: GrpcMethods;
  readonly #sessions = new Set<ServerHttp2Session>();
  #running = 0;
  #onQuiet: () => void = () => undefined;

  constructor(server: Http2Server, methods: GrpcMethods) {
    this.#methods = methods;
    server.on("session", (session) => {
      this.#sessions.add(session);
      // Terraform hangs up without a word when a command is done.
      session.on("error", () => undefined);
      session.once("close", () => {
        this.#sessions.delete(session);
        this.#tellIfQuiet();
      });
    });
    server.on("stream", (stream, headers) => this.#take(stream, headers));
  }

  /** Calls when no connection and no call is left, each time anew. */
  onQuiet(call: () => void): void {
    this.#onQuiet = call;
  }

  get quiet(): boolean {
    return this.#sessions.size === 0 && this.#running === 0;
  }

  #take(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const path = String(headers[":path"]);
    this.#running += 1;
    stream.on("error", (error) => log("debug", "a call was given up", { path, error: error.message }));
    this.#answer(stream, path)
      .catch((error: unknown) => log("error", "an answer could not be sent", { path, error: String(error) }))
      .finally(() => {
        this.#running -= 1;
        this.#tellIfQuiet();
      });
  }

  async #answer(stream: ServerHttp2Stream, path: string): Promise<void> {
    try {
      const method = this.#methods.get(path);
      if (method === undefined) throw new GrpcFailure(GRPC_STATUS.unimplemented, `there is no ${path}`);
      const answer = await method(unframe(await bodyOf(stream)));
      respond(stream, answer, GRPC_STATUS.ok, "");
    } catch (error) {
      const failure =
        error instanceof GrpcFailure ? error : new GrpcFailure(GRPC_STATUS.internal, String(error));
      if (failure.status === GRPC_STATUS.internal) {
        log("error", "a call failed", { path, error: error instanceof Error ? error.stack : String(error) });
      }
      respond(stream, undefined, failure.status, failure.message);
    }
  }

  #tellIfQuiet(): void {
    if (this.quiet) this.#onQuiet();
  }
}

function respond(
  stream: ServerHttp2Stream,
  answer: Uint8Array | undefined,
  status: number,
  text: string,
): void {
  if (stream.destroyed) return;
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.once("wantTrailers", () =>
    stream.sendTrailers({
      "grpc-status": String(status),
      ...(text === "" ? {} : { "grpc-message": encodeURIComponent(text) }),
    }),
  );
  stream.end(answer === undefined ? undefined : frame(answer));
}

async function bodyOf(stream: ServerHttp2Stream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MOST_MESSAGE_BYTES) {
      throw new GrpcFailure(
        GRPC_STATUS.invalidArgument,
        `the request is longer than ${MOST_MESSAGE_BYTES} bytes`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
