import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

export interface Listener {
  readonly port: number;
  /** No new clients; those that are here stay. */
  close(): void;
}

/** Accepts clients on one port. Rejects when the port cannot be had. */
export function listen(host: string, port: number, accept: (socket: Socket) => void): Promise<Listener> {
  const server: Server = createServer({ noDelay: true, keepAlive: true, allowHalfOpen: true }, accept);
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      // Out of file descriptors: the client is lost, the listener goes on.
      server.on("error", () => undefined);
      resolve({ port: (server.address() as AddressInfo).port, close: () => server.close() });
    });
  });
}
