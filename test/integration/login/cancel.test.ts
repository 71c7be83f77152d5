import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { TestCa } from "../../support/certificates.js";
import { eventually } from "../../support/eventually.js";
import {
  cancelRequest,
  errorFields,
  int32,
  PROTOCOL_3_2,
  packet,
  query,
  TERMINATE,
} from "../../support/protocol.js";
import { type LoggedIn, RawClient } from "../../support/raw-client.js";
import { Edge, tenantOn } from "./edge.js";

describe("cancel requests", () => {
  const server = inject("postgres");
  let edge: Edge;

  beforeAll(async () => {
    const pair = await (await TestCa.make()).issue({ dns: ["localhost"] });
    edge = await Edge.start({ tls: { pairs: [pair] } });
    await edge.put(
      "one",
      tenantOn(server, { users: [{ name: server.user, password: server.password, poolSize: 1 }] }),
    );
    await edge.put(
      "many",
      tenantOn(server, { users: [{ name: server.user, password: server.password, poolSize: 25 }] }),
    );
  });
  afterAll(async () => {
    await edge?.stop();
  });

  const logIn = async (tenant: string, version?: number): Promise<{ client: RawClient; key: LoggedIn }> => {
    const client = await RawClient.connect(edge.port);
    const key = await client.logIn(
      { user: `${server.user}.${tenant}`, database: "postgres" },
      server,
      version,
    );
    return { client, key };
  };
  const send = async (bytes: Buffer, tls = false): Promise<Buffer> => {
    const client = await RawClient.connect(edge.port);
    if (tls) await client.requestTls();
    client.send(bytes);
    const rest = await client.rest();
    client.close();
    return rest;
  };
  /** The SQLSTATE that ends a query, or undefined when it succeeds. */
  const outcome = async (client: RawClient): Promise<string | undefined> => {
    let code: string | undefined;
    for (;;) {
      const { type, body } = await client.message();
      if (type === "E") code = errorFields(body)["C"];
      if (type === "Z") return code;
    }
  };
  const running = async (client: RawClient): Promise<void> => {
    client.send(query("select pg_sleep(60)"));
    // Until the server has it, a cancel finds nothing to stop.
    await eventually("the query runs", async () => (await sleeping()) > 0);
  };
  /** Asked of the server itself. */
  const sleeping = async (): Promise<number> => {
    const watcher = await RawClient.connect(server.port);
    await watcher.logIn({ user: server.user, database: "postgres" }, server);
    const rows = await watcher.query(
      "select 1 from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'",
    );
    watcher.close();
    return rows.length;
  };

  it.each([
    ["3.0", undefined, false],
    ["3.0, over TLS", undefined, true],
    ["3.2", PROTOCOL_3_2, false],
    ["3.2, over TLS", PROTOCOL_3_2, true],
  ] as const)("stop the query of their key: protocol %s", async (_, version, tls) => {
    const { client, key } = await logIn("one", version);
    await running(client);
    expect(await send(cancelRequest(key.pid, key.secret), tls)).toEqual(Buffer.alloc(0));
    expect(await outcome(client)).toBe("57014");
    expect(await client.query("select 1")).toEqual([["1"]]);
    client.close();
  });

  it("take a client that waits for a server out of the queue", async () => {
    const first = await logIn("one");
    await running(first.client);
    const second = await logIn("one");
    second.client.send(query("select 1"));
    const left = outcome(second.client);
    let code: string | undefined;
    left.then(
      (found) => {
        code = found;
      },
      () => undefined,
    );
    // Sent again until it finds the client in the queue.
    await eventually("it left the queue", async () => {
      await send(cancelRequest(second.key.pid, second.key.secret));
      return code;
    });
    expect(code).toBe("57014");
    await send(cancelRequest(first.key.pid, first.key.secret));
    expect(await outcome(first.client)).toBe("57014");
    expect(await second.client.query("select 1")).toEqual([["1"]]);
    first.client.close();
    second.client.close();
  });

  it("do nothing with a wrong secret, an unknown pid, a length that no key has, or when idle", async () => {
    const { client, key } = await logIn("one");
    await send(cancelRequest(key.pid, key.secret));
    await running(client);
    const wrong = Buffer.from(key.secret);
    wrong[3] = (wrong[3] ?? 0) ^ 1;
    for (const bytes of [
      cancelRequest(key.pid, wrong),
      cancelRequest(key.pid + 1, key.secret),
      cancelRequest(key.pid, Buffer.concat([key.secret, Buffer.alloc(28)])),
      cancelRequest(-key.pid, key.secret),
    ])
      expect(await send(bytes)).toEqual(Buffer.alloc(0));
    for (const bytes of [
      packet(0x04d2162e, int32(key.pid)),
      packet(0x04d2162e, Buffer.concat([int32(key.pid), Buffer.alloc(257)])),
      packet(0x04d2162e, int32(key.pid), 0x4000_0000),
    ])
      await send(bytes);
    await send(cancelRequest(key.pid, key.secret));
    expect(await outcome(client)).toBe("57014");
    client.close();
  });

  it("work when Terminate follows on the same connection, as Go's drivers send it", async () => {
    const { client, key } = await logIn("one");
    await running(client);
    await send(Buffer.concat([cancelRequest(key.pid, key.secret), TERMINATE]));
    expect(await outcome(client)).toBe("57014");
    client.close();
  });

  it("arrive, a hundred of a hundred, at once, and stop nobody else", async () => {
    const bystander = await logIn("one");
    bystander.client.send(query("select pg_sleep(1)"));
    for (let round = 0; round < 4; round++) {
      const clients = await Promise.all(Array.from({ length: 25 }, () => logIn("many")));
      for (const { client } of clients) client.send(query("select pg_sleep(60)"));
      const outcomes = Promise.all(clients.map(({ client }) => outcome(client)));
      await eventually("all run", async () => (await sleeping()) === 25);
      await Promise.all(clients.map(({ key }) => send(cancelRequest(key.pid, key.secret))));
      expect(await outcomes).toEqual(Array.from({ length: 25 }, () => "57014"));
      for (const { client } of clients) client.close();
    }
    expect(await outcome(bystander.client)).toBeUndefined();
    bystander.client.close();
  });
});
