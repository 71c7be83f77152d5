import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { DirectSocket } from "@sluice/data-plane/transport/index";

const [host = "127.0.0.1", port = "0", way = "streams"] = process.argv.slice(2);
const join = way === "handles" ? joinByHandles : joinByStreams;

const server = createServer({ noDelay: true, pauseOnConnect: true }, (client) => {
  const upstream = connect({ host, port: Number(port), noDelay: true });
  for (const [one, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    one.on("close", () => other.destroy());
    one.on("error", () => other.destroy());
  }
  upstream.once("connect", () => {
    join(client, upstream);
    client.resume();
  });
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.once("disconnect", () => process.exit());

/** As Node documents it. */
function joinByStreams(client: Socket, upstream: Socket): void {
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    from.on("data", (segment) => {
      if (!to.write(segment)) from.pause();
    });
    to.on("drain", () => from.resume());
  }
}

/** As the product does it. */
function joinByHandles(client: Socket, upstream: Socket): void {
  const ends = [new DirectSocket(client), new DirectSocket(upstream)] as const;
  for (const [from, to] of [ends, ends.toReversed()] as [DirectSocket, DirectSocket][])
    from.begin({
      received: (segment) => {
        if (!to.write(segment)) from.pause();
        return undefined;
      },
      drained: () => to.resume(),
    });
  upstream.resume();
}
