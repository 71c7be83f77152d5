import { type AddressInfo, createServer, type ListenOptions, type Server, type Socket } from "node:net";
import type { Deadline } from "@sluice/shared/time";
import { backlogOf } from "./backlog.js";

const FEWEST_LOOKS = 20;
/** What the kernel keeps until it is accepted, as far as net.core.somaxconn allows: node's own default is 511. */
const BACKLOG = 65_535;

export interface ClientPortOptions {
  /** Sockets are paused and nothing has been read, so that another process can have them. Default true. */
  readonly paused?: boolean;
  /** Other processes listen on it too, and the kernel spreads the connections. */
  readonly shared?: boolean;
}

/** A port that clients connect to. */
export class ClientPort {
  readonly number: number;
  readonly #address: AddressInfo;
  readonly #shared: boolean;
  readonly #server: Server;
  #accepted = 0;

  private constructor(server: Server, shared: boolean) {
    this.#shared = shared;
    this.#server = server;
    server.on("connection", () => {
      this.#accepted += 1;
    });
    this.#address = server.address() as AddressInfo;
    this.number = this.#address.port;
  }

  /**
   * @param port 0: the system chooses
   * @throws when the port cannot be had
   */
  static open(
    host: string,
    port: number,
    accept: (socket: Socket) => void,
    { paused = true, shared = false }: ClientPortOptions = {},
  ): Promise<ClientPort> {
    const server = createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: paused }, accept);
    // This process's own, also where node:cluster has started it.
    const options: ListenOptions & { readonly reusePort?: boolean } = {
      ...{ host, port, backlog: BACKLOG, exclusive: true },
      ...(shared ? { reusePort: true } : {}),
    };
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(options, () => {
        server.off("error", reject);
        // Out of file descriptors: the client is lost, the port stays.
        server.on("error", () => undefined);
        resolve(new ClientPort(server, shared));
      });
    });
  }

  /**
   * No new clients. With a listening socket the kernel resets what it has taken and nobody has accepted, and there is no
   * way to have it take no more first: so the port is closed at a moment when nothing waits in it, in the same turn.
   * See docs/decisions/2026-11-25-closing-a-port.md.
   */
  async close(deadline: Deadline): Promise<void> {
    for (let quietTurns = 0; !deadline.passed; ) {
      const before = this.#accepted;
      // A turn accepts one.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#accepted !== before) continue;
      quietTurns += 1;
      // The first looks only make the way from here to the close a quick one.
      if (backlogOf(this.#address, this.#shared) === 0 && quietTurns >= FEWEST_LOOKS) break;
    }
    this.closeNow();
  }

  /** Whoever waits in it is reset. */
  closeNow(): void {
    this.#server.close();
  }
}
