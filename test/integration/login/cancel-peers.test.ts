import { type AddressInfo, createServer, connect as dial, type Server } from "node:net";
import { CancelPeers } from "@sluice/data-plane/cancel/index";
import { silentLogger } from "@sluice/shared/observability";
import { freePort } from "@sluice/shared/postgres";
import { systemClock } from "@sluice/shared/time";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { TestCa } from "../../support/certificates.js";
import { eventually } from "../../support/eventually.js";
import { cancelRequest, errorFields, query, startup } from "../../support/protocol.js";
import { RawClient } from "../../support/raw-client.js";
import { Edge, tenantOn } from "./edge.js";

describe("cancel requests among data planes behind one address", () => {
  const server = inject("postgres");
  const edges: Edge[] = [];
  const peers: CancelPeers[] = [];
  let balancer: Server;

  beforeAll(async () => {
    const ca = await TestCa.make();
    const pair = await ca.issue({ dns: ["localhost"] });
    const ports = [await freePort(), await freePort()];
    for (const [node, port] of ports.entries()) {
      const cancelPeers = new CancelPeers({
        peers: [`localhost:${ports[1 - node]}`],
        ca: ca.cert,
        clock: systemClock,
        logger: silentLogger,
      });
      await cancelPeers.watch();
      peers.push(cancelPeers);
      const edge = await Edge.start({
        tls: { pairs: [pair] },
        worker: { node, cancelPeers, transactionPort: port, host: "localhost" },
      });
      await edge.put(
        "t",
        tenantOn(server, { users: [{ name: server.user, password: server.password, poolSize: 25 }] }),
      );
      edges.push(edge);
    }
    // In turn, as a balancer does.
    let turn = 0;
    balancer = createServer({ allowHalfOpen: true }, (socket) => {
      turn += 1;
      const onward = dial({ port: ports[turn % 2] ?? 0, host: "localhost", allowHalfOpen: true });
      for (const end of [socket, onward]) end.on("error", () => undefined);
      socket.pipe(onward);
      onward.pipe(socket);
    });
    await new Promise<void>((resolve) => balancer.listen(0, "127.0.0.1", resolve));
  });
  afterAll(async () => {
    for (const peer of peers) peer.stop();
    await new Promise((resolve) => balancer?.close(resolve));
    for (const edge of edges) await edge.stop();
  });

  const connect = (): Promise<RawClient> => RawClient.connect((balancer.address() as AddressInfo).port);
  const sleeping = async (): Promise<number> => {
    const watcher = await RawClient.connect(server.port);
    await watcher.logIn({ user: server.user, database: "postgres" }, server);
    const rows = await watcher.query(
      "select 1 from pg_stat_activity where query = 'select pg_sleep(61)' and state = 'active'",
    );
    watcher.close();
    return rows.length;
  };
  const outcome = async (client: RawClient): Promise<string | undefined> => {
    let code: string | undefined;
    for (;;) {
      const { type, body } = await client.message();
      if (type === "E") code = errorFields(body)["C"];
      if (type === "Z") return code;
    }
  };

  it("arrive, a hundred of a hundred, whichever data plane they reach", async () => {
    for (let round = 0; round < 4; round++) {
      const clients: RawClient[] = [];
      const keys: Buffer[] = [];
      for (let i = 0; i < 25; i++) {
        const client = await connect();
        const { pid, secret } = await client.logIn(
          { user: `${server.user}.t`, database: "postgres" },
          server,
        );
        clients.push(client);
        keys.push(cancelRequest(pid, secret));
        client.send(query("select pg_sleep(61)"));
      }
      await eventually("all run", async () => (await sleeping()) === 25);
      const outcomes = Promise.all(clients.map(outcome));
      // One connection after the other, so that each key goes to one data plane, then to the other round by round.
      for (const key of round % 2 === 0 ? keys : keys.reverse()) {
        const cancel = await connect();
        cancel.send(key);
        await cancel.rest();
        cancel.close();
      }
      expect(await outcomes).toEqual(Array.from({ length: 25 }, () => "57014"));
      for (const client of clients) client.close();
    }
  });

  it("are all that a peer may send, and go one hop only", async () => {
    const port = edges[0]?.port ?? 0;
    const client = await RawClient.connect(port, "localhost");
    await client.startTls({ ALPNProtocols: ["sluice-cancel"] });
    client.send(startup({ user: `${server.user}.t` }));
    expect((await client.refusal())["M"]).toContain("a peer sends cancel requests only");
    const lost = await RawClient.connect(port, "localhost");
    await lost.startTls({ ALPNProtocols: ["sluice-cancel"] });
    lost.send(cancelRequest(0x7fff_0000, Buffer.alloc(4)));
    expect((await lost.rest()).length).toBe(0);
    lost.close();
  });
});
