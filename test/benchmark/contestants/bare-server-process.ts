import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

/* What Node itself needs for a connection: an echo on node:net, and one on node:tls, with nothing of ours. */

const [cert = "", key = ""] = process.argv.slice(2);

function echo(socket: Socket): void {
  socket.on("data", (segment) => socket.write(segment));
  socket.on("error", () => socket.destroy());
  // Half open it would keep its file for ever.
  socket.on("end", () => socket.end());
}

const plain = createServer({ noDelay: true, allowHalfOpen: true }, echo);
const secure = createTlsServer({ cert: readFileSync(cert), key: readFileSync(key), noDelay: true }, echo);
plain.listen(0, "127.0.0.1", () =>
  secure.listen(0, "127.0.0.1", () =>
    process.send?.({
      plain: (plain.address() as AddressInfo).port,
      tls: (secure.address() as AddressInfo).port,
    }),
  ),
);
process.once("disconnect", () => process.exit());
