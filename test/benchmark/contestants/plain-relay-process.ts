import { type AddressInfo, connect, createServer, type Socket } from "node:net";

const [host = "127.0.0.1", port = "0"] = process.argv.slice(2);

const server = createServer({ noDelay: true }, (client) => {
  const upstream = connect({ host, port: Number(port), noDelay: true });
  join(client, upstream);
  join(upstream, client);
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.once("disconnect", () => process.exit());

function join(from: Socket, to: Socket): void {
  from.on("data", (segment) => {
    if (!to.write(segment)) from.pause();
  });
  to.on("drain", () => from.resume());
  from.on("close", () => to.destroy());
  from.on("error", () => to.destroy());
}
