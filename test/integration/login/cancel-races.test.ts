import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, inject, it } from "vitest";
import { eventually } from "../../support/eventually.js";
import { cancelRequest, errorFields, query } from "../../support/protocol.js";
import { type LoggedIn, RawClient } from "../../support/raw-client.js";
import { findTool, missing } from "../../support/tools.js";
import { Edge, tenantOn } from "./edge.js";

const CANCEL_CODE = 0x04d2162e;

describe("a cancel request", () => {
  const server = inject("postgres");
  let edge: Edge;

  afterEach(async () => {
    await edge?.stop();
  });
  const start = async (poolSize: number, dbPort = server.port): Promise<void> => {
    edge = await Edge.start();
    const users = [{ name: server.user, password: server.password, poolSize }];
    await edge.put("t", tenantOn(server, { dbHost: "127.0.0.1", dbPort, users }));
  };
  const logIn = async (more: Readonly<Record<string, string>> = {}) => {
    const client = await RawClient.connect(edge.port);
    const key = await client.logIn({ user: `${server.user}.t`, database: "postgres", ...more }, server);
    return { client, key };
  };
  const cancel = async ({ pid, secret }: LoggedIn): Promise<void> => {
    const sender = await RawClient.connect(edge.port);
    sender.send(cancelRequest(pid, secret));
    await sender.rest();
    sender.close();
  };
  /** The SQLSTATE that a query ends with, or undefined when it succeeds; the connection goes on. */
  const outcome = async (client: RawClient): Promise<string | undefined> => {
    let code: string | undefined;
    for (;;) {
      const { type, body } = await client.message();
      if (type === "E") code = errorFields(body)["C"];
      if (type === "Z") return code;
    }
  };

  it("that comes late never hits the next client's query on the same server", async () => {
    await start(1);
    const [a, b] = [await logIn(), await logIn()];
    const outcomes = { a: new Set<string | undefined>(), b: new Set<string | undefined>() };
    for (let round = 0; round < 100; round++) {
      a.client.send(query("select pg_sleep(0.002)"));
      b.client.send(query("select pg_sleep(0.01)"));
      // Now and then early, at the end, and late: a query of A lasts about as long as a request needs.
      const sent = cancel(a.key);
      outcomes.a.add(await outcome(a.client));
      outcomes.b.add(await outcome(b.client));
      await sent;
    }
    expect([...outcomes.b]).toEqual([undefined]);
    expect([...outcomes.a].filter((code) => code !== undefined && code !== "57014")).toEqual([]);
    a.client.close();
    b.client.close();
  });

  it("in the middle of a change of settings ends the query or nothing, and spoils neither client's settings", async () => {
    await start(1);
    const a = await logIn({ TimeZone: "Asia/Tokyo", "app.mine": "a" });
    const b = await logIn({ TimeZone: "Europe/Vienna", "app.mine": "b" });
    for (let round = 0; round < 40; round++) {
      a.client.send(query("set application_name = 'a'; select pg_sleep(0.003)"));
      const sent = cancel(a.key);
      const [ofA, zones] = await Promise.all([
        outcome(a.client),
        b.client.query("select current_setting('TimeZone'), current_setting('app.mine')"),
      ]);
      expect([undefined, "57014"]).toContain(ofA);
      expect(zones).toEqual([["Europe/Vienna", "b"]]);
      await sent;
      // This may be what a late request finds: then it is asked again.
      const own = await eventually("A's settings", () =>
        a.client.query("select current_setting('TimeZone'), current_setting('app.mine')"),
      );
      expect(own).toEqual([["Asia/Tokyo", "a"]]);
    }
    a.client.close();
    b.client.close();
  });

  it("whose way to the server is held open by somebody takes that server from the pool, and no other", async () => {
    const holder = await HoldsCancels.before(server.port);
    try {
      await start(2, holder.port);
      const [a, b] = [await logIn(), await logIn()];
      a.client.send(query("select pg_sleep(0.3)"));
      await eventually("it is held", async () => {
        await cancel(a.key);
        return holder.held > 0;
      });
      for (let i = 0; i < 50; i++) await cancel(a.key);
      // It reached nobody.
      expect(await outcome(a.client)).toBeUndefined();
      const beganMs = performance.now();
      for (let i = 0; i < 20; i++) expect(await b.client.query("select 1")).toEqual([["1"]]);
      expect(await a.client.query("select 2")).toEqual([["2"]]);
      expect(performance.now() - beganMs).toBeLessThan(5000);
      // Fifty requests for one query are not fifty connections.
      expect(holder.held).toBeLessThan(10);
      a.client.close();
      b.client.close();
    } finally {
      await holder.stop();
    }
  });

  it("whose way to the server is reset may come late: it hits nobody else", async () => {
    const holder = await HoldsCancels.before(server.port, (socket) => socket.resetAndDestroy());
    try {
      await start(1, holder.port);
      const [a, b] = [await logIn(), await logIn()];
      a.client.send(query("select pg_sleep(0.3)"));
      await eventually("it is on its way", async () => {
        await cancel(a.key);
        return holder.held > 0;
      });
      expect(await outcome(a.client)).toBeUndefined();
      b.client.send(query("select pg_sleep(0.5)"));
      for (const request of holder.requests) {
        const late = connect(server.port, "127.0.0.1").end(request).resume();
        await once(late, "close");
      }
      expect(await outcome(b.client)).toBeUndefined();
      expect(await a.client.query("select 2")).toEqual([["2"]]);
      a.client.close();
      b.client.close();
    } finally {
      await holder.stop();
    }
  });

  it.skipIf(missing("psql"))("of psql's Ctrl-C ends its query, and psql says so (needs psql)", async () => {
    await start(1);
    const url = `postgresql://${server.user}.t:${server.password}@127.0.0.1:${edge.port}/postgres`;
    const child = spawn(findTool("psql"), ["-X", "-d", url, "-c", "select pg_sleep(62)"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let told = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      told += text;
    });
    const ended = once(child, "exit");
    const watcher = await RawClient.connect(server.port);
    await watcher.logIn({ user: server.user, database: "postgres" }, server);
    await eventually("it runs", async () => {
      const running =
        "select 1 from pg_stat_activity where query = 'select pg_sleep(62)' and state = 'active'";
      return (await watcher.query(running)).length === 1;
    });
    child.kill("SIGINT");
    await ended;
    watcher.close();
    expect(told).toContain("canceling statement due to user request");
  });
});

/** In front of a server: passes all on but cancel requests, which it keeps, and treats their connections as it is told. */
class HoldsCancels {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly requests: Buffer[] = [];

  private constructor(onward: number, treat: (socket: Socket) => void) {
    this.#server = createServer((socket) => {
      this.#keep(socket);
      socket.once("data", (first: Buffer) => {
        if (first.length >= 8 && first.readInt32BE(4) === CANCEL_CODE) {
          this.requests.push(first);
          treat(socket);
          return;
        }
        const behind = connect(onward, "127.0.0.1");
        this.#keep(behind);
        behind.write(first);
        socket.pipe(behind);
        behind.pipe(socket);
      });
    });
  }

  /** @param treat default: they are never closed */
  static async before(
    port: number,
    treat: (socket: Socket) => void = () => undefined,
  ): Promise<HoldsCancels> {
    const holder = new HoldsCancels(port, treat);
    await new Promise<void>((resolve) => holder.#server.listen(0, "127.0.0.1", resolve));
    return holder;
  }

  get held(): number {
    return this.requests.length;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#sockets.delete(socket));
  }
}
