import { type AddressInfo, createServer, connect as dial } from "node:net";
import { CancelPeers } from "@sluice/data-plane/cancel/index";
import { silentLogger } from "@sluice/shared/observability";
import { freePort } from "@sluice/shared/postgres";
import { systemClock } from "@sluice/shared/time";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { TestCa } from "../../support/certificates.js";
import { eventually } from "../../support/eventually.js";
import { HaProxy } from "../../support/haproxy.js";
import { cancelRequest, errorFields, query, startup } from "../../support/protocol.js";
import { RawClient } from "../../support/raw-client.js";
import { missing } from "../../support/tools.js";
import { Edge, type EdgeOptions, tenantOn } from "./edge.js";

/** Where clients come from: not from where the balancer and the peers do. */
const CLIENTS = "127.0.0.77";

interface Balancer {
  readonly port: number;
  stop(): Promise<void>;
}

const balancers: readonly {
  readonly by: string;
  readonly needs?: "haproxy";
  readonly start: (servers: readonly number[]) => Promise<Balancer>;
  readonly edge: EdgeOptions;
  readonly knowsClients: boolean;
  /** Parts of the data planes' keys. */
  readonly nodes: readonly [number, number];
}[] = [
  { by: "a balancer that says nothing", start: inTurn, edge: {}, knowsClients: false, nodes: [0, 1] },
  {
    by: "a balancer, where two data planes chose the same number",
    start: inTurn,
    edge: {},
    knowsClients: false,
    nodes: [7, 7],
  },
  ...(
    [
      [1, "optional"],
      [2, "required"],
    ] as const
  ).map(([sendProxy, proxyProtocol]) => ({
    by: `HAProxy with PROXY headers of version ${sendProxy}, which are ${proxyProtocol}`,
    needs: "haproxy" as const,
    start: (servers: readonly number[]) => HaProxy.start({ servers, sendProxy, probes: true }),
    edge: { proxyProtocol, trustedBalancers: ["127.0.0.1/32"] },
    knowsClients: true,
    nodes: [0, 1] as const,
  })),
];

describe.each(balancers)("cancel requests behind $by", (balanced) => {
  const { needs, start, edge: options, knowsClients, nodes } = balanced;
  const server = inject("postgres");
  const edges: Edge[] = [];
  const peers: CancelPeers[] = [];
  let balancer: Balancer;

  beforeAll(async () => {
    if (needs !== undefined && missing(needs)) return;
    const ca = await TestCa.make();
    // Not the host in the list of peers, but the name that clients know.
    const pair = await ca.issue({ dns: ["pooler.test"] });
    const ports = [await freePort(), await freePort()];
    for (const [at, port] of ports.entries()) {
      const cancelPeers = new CancelPeers({
        peers: [`localhost:${ports[1 - at]}`],
        ca: ca.cert,
        serverName: "pooler.test",
        clock: systemClock,
        logger: silentLogger,
      });
      await cancelPeers.watch();
      peers.push(cancelPeers);
      const edge = await Edge.start({
        ...options,
        tls: { pairs: [pair] },
        primary: { cancelPeers },
        worker: { node: nodes[at] ?? 0 },
        port,
      });
      const user = { name: server.user, password: server.password, poolSize: 25 };
      await edge.put(
        "t",
        tenantOn(server, {
          users: [user],
          ...(knowsClients ? { allowList: [`${CLIENTS}/32`] } : {}),
        }),
      );
      edges.push(edge);
    }
    balancer = await start(ports);
  });
  afterAll(async () => {
    for (const peer of peers) peer.stop();
    await balancer?.stop();
    for (const edge of edges) await edge.stop();
  });

  const connect = (): Promise<RawClient> => RawClient.connect(balancer.port, "127.0.0.1", CLIENTS);
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
  const cancel = async (key: Buffer): Promise<void> => {
    const client = await connect();
    client.send(key);
    await client.rest();
    client.close();
  };

  it.skipIf(needs !== undefined && missing(needs))(
    `each stop their own query and no other, a hundred of a hundred, whichever data plane they reach${needs === undefined ? "" : ` (needs ${needs})`}`,
    async () => {
      const seen = new Set<number>();
      for (let round = 0; round < 4; round++) {
        const ended: number[] = [];
        const running = await Promise.all(
          Array.from({ length: 25 }, async () => {
            const client = await connect();
            const login = { user: `${server.user}.t`, database: "postgres" };
            const { pid, secret } = await client.logIn(login, server);
            client.send(query("select pg_sleep(61)"));
            seen.add(pid >>> 21);
            return { client, key: cancelRequest(pid, secret) };
          }),
        );
        await eventually("all run", async () => (await sleeping()) === 25, { timeoutMs: 20_000 });
        const outcomes = running.map(async ({ client }, at) => {
          const code = await outcome(client);
          ended.push(at);
          return code;
        });
        // In two rounds one after the other, so that it is seen which query ends; in two all at once.
        if (round % 2 === 0) {
          for (const [at, { key }] of running.entries()) {
            await cancel(key);
            expect(await outcomes[at]).toBe("57014");
            expect(ended).toHaveLength(at + 1);
          }
        } else {
          await Promise.all(running.map(({ key }) => cancel(key)));
        }
        expect(await Promise.all(outcomes)).toEqual(Array.from({ length: 25 }, () => "57014"));
        for (const { client } of running) client.close();
      }
      // Both data planes had clients, or nothing was shown.
      expect(seen).toEqual(new Set(nodes));
    },
    60_000,
  );

  it.skipIf(needs !== undefined && missing(needs))(
    "are all that a peer may send, and go one hop only",
    async () => {
      const port = edges[0]?.port ?? 0;
      const client = await RawClient.connect(port, "localhost");
      await client.startTls({ ALPNProtocols: ["sluice-cancel"] });
      client.send(startup({ user: `${server.user}.t` }));
      expect(await client.refusal()).toMatchObject({ C: "08P01" });
      const lost = await RawClient.connect(port, "localhost");
      await lost.startTls({ ALPNProtocols: ["sluice-cancel"] });
      lost.send(cancelRequest(0x7fff_0000, Buffer.alloc(4)));
      expect((await lost.rest()).toString()).toBe("N");
      lost.close();
    },
  );

  it.skipIf(needs !== undefined && missing(needs))(
    "of a peer are answered with whether the key was found, those of who only says that it is a peer are not",
    async () => {
      const client = await RawClient.connect(balancer.port, "127.0.0.1", CLIENTS);
      const { pid, secret } = await client.logIn({ user: `${server.user}.t`, database: "postgres" }, server);
      const ask = async (port: number, from: string, key: Uint8Array): Promise<string> => {
        const sender = await RawClient.connect(port, "localhost", from);
        await sender.startTls({ ALPNProtocols: ["sluice-cancel"] });
        sender.send(cancelRequest(pid, key));
        const answer = await sender.rest();
        sender.close();
        return answer.toString();
      };
      const wrong = Buffer.from(secret);
      wrong[3] = (wrong[3] ?? 0) ^ 1;
      const answers: string[] = [];
      for (const { port } of edges) {
        expect(await ask(port, "127.0.0.1", wrong)).toBe("N");
        expect(await ask(port, "127.0.0.9", secret)).toBe("");
        answers.push(await ask(port, "127.0.0.1", secret));
      }
      client.close();
      // One of them has it.
      expect(answers.sort()).toEqual(["N", "Y"]);
    },
  );
});

/** Each connection to the next server. */
async function inTurn(servers: readonly number[]): Promise<Balancer> {
  let turn = 0;
  const balancer = createServer({ allowHalfOpen: true }, (socket) => {
    turn += 1;
    const port = servers[turn % servers.length] ?? 0;
    const onward = dial({ port, host: "127.0.0.1", allowHalfOpen: true });
    for (const end of [socket, onward]) end.on("error", () => undefined);
    socket.pipe(onward);
    onward.pipe(socket);
  });
  await new Promise<void>((resolve) => balancer.listen(0, "127.0.0.1", resolve));
  return {
    port: (balancer.address() as AddressInfo).port,
    stop: () => new Promise((resolve) => balancer.close(() => resolve())),
  };
}
