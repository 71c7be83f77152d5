import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { backlogOf } from "@sluice/data-plane/listener/backlog";
import { describe, expect, it } from "vitest";

describe.skipIf(process.platform !== "linux")("the backlog of a port (Linux)", () => {
  it.each(["127.0.0.1", "0.0.0.0"])("is told for a socket on %s", async (host) => {
    const server = createServer();
    server.listen({ host, port: 0 });
    await once(server, "listening");
    const address = server.address() as AddressInfo;
    expect(backlogOf(address)).toBe(0);
    // The kernel takes them at once; here they are accepted in the next turn.
    const clients = Array.from({ length: 3 }, () => connect({ host: "127.0.0.1", port: address.port }));
    const waiting = await new Promise<number>((resolve) =>
      process.nextTick(() => resolve(backlogOf(address))),
    );
    expect(waiting).toBe(3);
    await Promise.all(clients.map((client) => once(client, "connect")));
    for (const client of clients) client.destroy();
    const [first] = clients;
    if (first !== undefined && !first.closed) await once(first, "close");
    server.close();
    await once(server, "close");
  });
});
