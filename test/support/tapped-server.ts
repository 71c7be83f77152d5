import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A way to a server on which one hears what is sent to it. */
export class TappedServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #heard = "";

  private constructor(host: string, port: number) {
    this.#server = createServer({ noDelay: true }, (client) => {
      const server = connect({ port, host, noDelay: true });
      client.on("data", (bytes) => {
        this.#heard += bytes.toString("latin1");
      });
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        this.#sockets.add(from);
        from.on("error", () => from.destroy());
        from.on("close", () => to.destroy());
        from.pipe(to);
      }
    });
  }

  static async to(host: string, port: number): Promise<TappedServer> {
    const tapped = new TappedServer(host, port);
    await new Promise<void>((resolve) => tapped.#server.listen(0, "127.0.0.1", resolve));
    return tapped;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What has been sent to it since this was asked last. */
  take(): string {
    const heard = this.#heard;
    this.#heard = "";
    return heard;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
