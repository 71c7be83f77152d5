import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { Transform } from "node:stream";

export interface Link {
  /** One way. */
  readonly delayMs: number;
  /** Of the pieces that a socket gives: these come later by `stallMs`, and all behind them, as after a lost packet. */
  readonly stallShare: number;
  readonly stallMs: number;
}

/** What stands in front of several control planes: each connection goes to the first one that takes it. */
export class TcpBalancer {
  readonly #server: Server = createServer();
  readonly #sockets = new Set<Socket>();
  readonly #targets: () => readonly number[];
  #link: Link | undefined;

  private constructor(targets: () => readonly number[]) {
    this.#targets = targets;
    this.#server.on("connection", (client) => this.#accept(client, [...this.#targets()]));
  }

  /** @param targets ports on this machine, the preferred one first */
  static async start(targets: () => readonly number[], host = "127.0.0.1"): Promise<TcpBalancer> {
    const balancer = new TcpBalancer(targets);
    await new Promise<void>((resolve) => balancer.#server.listen(0, host, resolve));
    return balancer;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** From the next connection on. */
  over(link: Link | undefined): void {
    this.#link = link;
    this.cut();
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.cut();
    });
  }

  #accept(client: Socket, ports: number[]): void {
    this.#keep(client);
    const port = ports.shift();
    if (port === undefined) {
      client.destroy();
      return;
    }
    const server = connect(port, "127.0.0.1");
    this.#keep(server);
    let connected = false;
    server.once("connect", () => {
      connected = true;
      this.#join(client, server);
      this.#join(server, client);
    });
    server.once("close", () => {
      if (connected || client.destroyed) client.destroy();
      else this.#accept(client, ports);
    });
    client.once("close", () => server.destroy());
  }

  #join(from: Socket, to: Socket): void {
    if (this.#link === undefined) from.pipe(to);
    else from.pipe(slowly(this.#link)).pipe(to);
  }

  #keep(socket: Socket): void {
    if (this.#sockets.has(socket)) return;
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#sockets.delete(socket));
  }
}

/** In order, each piece at the time at which it would arrive. */
function slowly({ delayMs, stallShare, stallMs }: Link): Transform {
  let freeAtMs = 0;
  return new Transform({
    readableHighWaterMark: 1024 * 1024,
    transform(piece, _encoding, done) {
      const stalled = Math.random() < stallShare ? stallMs : 0;
      const atMs = Math.max(performance.now() + delayMs + stalled, freeAtMs);
      freeAtMs = atMs;
      setTimeout(() => this.push(piece), atMs - performance.now());
      done();
    },
    flush(done) {
      setTimeout(done, Math.max(0, freeAtMs - performance.now()) + 1);
    },
  });
}
