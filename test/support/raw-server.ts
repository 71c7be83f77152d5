import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { TLSSocket, type TlsOptions } from "node:tls";
import { ByteStream } from "./byte-stream.js";
import { cstring, int32, message } from "./protocol.js";

/** One connection to a server that misbehaves as a test wants. */
export class RawServerConnection {
  #socket: Socket;
  #stream: ByteStream;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#stream = new ByteStream(socket);
  }

  get socket(): Socket {
    return this.#socket;
  }

  send(...parts: Uint8Array[]): this {
    this.#socket.write(Buffer.concat(parts));
    return this;
  }

  bytes(count: number): Promise<Buffer> {
    return this.#stream.bytes(count);
  }

  /** A packet without a type byte: SSLRequest, StartupMessage, CancelRequest. */
  async packet(): Promise<Buffer> {
    const length = (await this.#stream.bytes(4)).readInt32BE(0);
    return await this.#stream.bytes(length - 4);
  }

  async expect(type: string): Promise<Buffer> {
    const got = await this.#stream.message();
    if (got.type !== type) throw new Error(`expected ${type} of the data plane, got ${got.type}`);
    return got.body;
  }

  rest(): Promise<Buffer> {
    return this.#stream.rest();
  }

  async startTls(options: TlsOptions): Promise<void> {
    this.#stream.release();
    const secure = new TLSSocket(this.#socket, { isServer: true, ...options });
    await new Promise<void>((resolve, reject) => {
      secure.once("secure", () => resolve());
      secure.once("error", reject);
      secure.once("close", () => reject(new Error("closed in the handshake")));
    });
    this.#socket = secure;
    this.#stream = new ByteStream(secure);
  }

  /** AuthenticationOk and all that a client waits for after it. */
  greet(): this {
    return this.send(
      message("R", int32(0)),
      message("S", Buffer.concat([cstring("server_version"), cstring("18.0")])),
      message("K", Buffer.concat([int32(4711), int32(4712)])),
      message("Z", Buffer.from("I")),
    );
  }
}

/** A server for what real Postgres never does. Each connection runs the script; how it ended is kept. */
export class RawServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly failures: Error[] = [];
  connections = 0;

  private constructor(script: (connection: RawServerConnection) => Promise<void>) {
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => undefined);
      script(new RawServerConnection(socket)).catch((error: Error) => this.failures.push(error));
    });
  }

  static async start(
    script: (connection: RawServerConnection) => Promise<void>,
    host = "127.0.0.1",
  ): Promise<RawServer> {
    const server = new RawServer(script);
    await new Promise<void>((resolve, reject) => {
      server.#server.once("error", reject);
      server.#server.listen({ port: 0, host }, resolve);
    });
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
