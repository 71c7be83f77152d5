import { readFileSync } from "node:fs";
import { connect, createServer, type LookupFunction, type Server, type Socket } from "node:net";
import { systemClock } from "@sluice/shared/time";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import { connectAt } from "../../support/edge-client.js";
import { eventually } from "../../support/eventually.js";
import { OwnPostgres } from "../../support/own-postgres.js";
import { endOf } from "../../support/tenant-api.js";
import { Edge, tenantOn } from "../login/edge.js";

/** `LOOK_UP_INTERVAL_MS`; here it passes a hundred times as fast. */
const LOOK_UP_INTERVAL_MS = 10_000;

describe("a tenant whose servers are elsewhere now", () => {
  const server = inject("postgres");
  const clients: pg.Client[] = [];
  const addresses = ["127.0.0.1"];
  let edge: Edge;
  let other: OwnPostgres;
  let elsewhere: Server;

  beforeAll(async () => {
    const lookup: LookupFunction = (_name, options, call) => {
      const found = addresses.map((address) => ({ address, family: 4 }));
      if (options.all) call(null, found);
      else call(null, found[0]?.address ?? "", 4);
    };
    other = await OwnPostgres.start();
    await other.run(`alter role postgres password '${server.password}'`);
    // Another address of this machine, on the same port: the host that the name moves to.
    elsewhere = createServer((socket) => {
      const onward = connect(other.port, other.host);
      for (const [from, to] of [
        [socket, onward],
        [onward, socket],
      ] as [Socket, Socket][]) {
        from.on("error", () => to.destroy());
        from.pipe(to);
      }
    });
    await new Promise<void>((resolve) => elsewhere.listen(server.port, "127.0.0.2", resolve));
    edge = await Edge.start({
      worker: {
        dialOptions: { globalCa: undefined, names: { lookup, lookupNow: lookup } },
        clock: {
          ...systemClock,
          schedule: (delayMs, call) =>
            systemClock.schedule(delayMs === LOOK_UP_INTERVAL_MS ? delayMs / 100 : delayMs, call),
        },
      },
    });
  });
  afterEach(async () => {
    addresses.splice(0, addresses.length, "127.0.0.1");
    await Promise.all(clients.splice(0).map((client) => client.end().catch(() => undefined)));
  });
  afterAll(async () => {
    await edge?.stop();
    elsewhere?.close();
    await other?.remove();
  });

  const login = async (id: string, mode: "transaction" | "session" = "transaction"): Promise<pg.Client> => {
    const port = mode === "transaction" ? edge.port : edge.sessionPort;
    const client = await connectAt(port, { user: `${server.user}.${id}`, password: server.password });
    clients.push(client);
    return client;
  };
  const portOf = async (client: pg.Client): Promise<number> =>
    Number((await client.query<{ port: string }>("show port")).rows[0]?.port);

  it("follows its host's name: transactions end where they began, the next ones are there", async () => {
    await edge.put("named", tenantOn(server, { dbHost: "db.example" }));
    const [busy, idle] = [await login("named"), await login("named")];
    await busy.query("begin");
    expect([await portOf(busy), await portOf(idle)]).toEqual([server.port, server.port]);
    addresses.splice(0, addresses.length, "127.0.0.2");
    await eventually("the next transaction is there", async () => (await portOf(idle)) === other.port);
    expect(await portOf(busy)).toBe(server.port);
    await busy.query("commit");
    expect(await portOf(busy)).toBe(other.port);
  });

  it("has who keeps a server of a name that has moved connect again, after its transaction", async () => {
    await edge.put("kept", tenantOn(server, { dbHost: "db.example" }));
    const client = await login("kept", "session");
    await client.query("begin");
    addresses.splice(0, addresses.length, "127.0.0.2");
    const witness = await login("kept");
    await eventually("the name has moved", async () => (await portOf(witness)) === other.port);
    const ended = endOf(client);
    expect(await portOf(client)).toBe(server.port);
    await client.query("commit");
    expect(await ended).toMatchObject({ code: "57P01" });
    expect(await portOf(await login("kept", "session"))).toBe(other.port);
  });

  it("has sessions of the old host connect again, in session mode and where they are pinned, and no others", async () => {
    await edge.put("moved", tenantOn(server));
    const session = await login("moved", "session");
    const pinned = await login("moved");
    await pinned.query("listen anything");
    const free = await login("moved");
    await session.query("begin");
    const ends = { session: endOf(session), pinned: endOf(pinned) };
    await edge.put("moved", tenantOn({ ...server, port: other.port }));
    expect(await ends.pinned).toMatchObject({ code: "57P01" });
    expect(await portOf(session)).toBe(server.port);
    await session.query("commit");
    expect(await ends.session).toMatchObject({ code: "57P01" });
    expect(await portOf(free)).toBe(other.port);
  });

  it.skipIf(process.platform !== "linux")(
    "gets another heartbeat: clients that are there have it (Linux)",
    async () => {
      await edge.put("beats", tenantOn(server, { clientHeartbeatIntervalS: 0 }));
      const client = await login("beats");
      await client.query("select 1");
      const { localPort = 0 } = (client as unknown as { connection: { stream: Socket } }).connection.stream;
      await eventually("the system's own", () => keepAliveSeconds(edge.port, localPort) > 1000);
      await edge.put("beats", tenantOn(server, { clientHeartbeatIntervalS: 30 }));
      await eventually("the new one", () => keepAliveSeconds(edge.port, localPort) <= 30);
      await edge.put("beats", tenantOn(server, { clientHeartbeatIntervalS: 0 }));
      await eventually("none any more", () => keepAliveSeconds(edge.port, localPort) > 1000);
    },
  );
});

/** When the kernel will ask the client for a sign of life, as /proc/net/tcp tells it: timer 02, in hundredths. */
function keepAliveSeconds(port: number, clientPort: number): number {
  const hex = (number: number): string => `:${number.toString(16).toUpperCase().padStart(4, "0")}`;
  const line = readFileSync("/proc/self/net/tcp", "latin1")
    .split("\n")
    .map((text) => text.trim().split(/\s+/))
    .find(([, local, remote]) => local?.endsWith(hex(port)) && remote?.endsWith(hex(clientPort)));
  const [timer, when = "0"] = line?.[5]?.split(":") ?? [];
  return timer === "02" ? Number.parseInt(when, 16) / 100 : Number.NaN;
}
