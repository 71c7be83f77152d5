import { UpstreamVerify } from "@sluice/shared/bundle";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import { TestCa } from "../../support/certificates.js";
import { connectAt, failureOf } from "../../support/edge-client.js";
import { eventually } from "../../support/eventually.js";
import { bind, execute, parse, SYNC } from "../../support/frontend.js";
import { OwnPostgres } from "../../support/own-postgres.js";
import { message, startup } from "../../support/protocol.js";
import { RawClient, rowOf, saslInitial } from "../../support/raw-client.js";
import { ScramPeer } from "../../support/scram-peer.js";
import { endOf } from "../../support/tenant-api.js";
import { TlsPostgres } from "../../support/tls-postgres.js";
import { Edge, type EdgeTenant, tenantOn } from "../login/edge.js";

describe("a tenant that changes while its clients are there", () => {
  const server = inject("postgres");
  const clients: pg.Client[] = [];
  let edge: Edge;
  let other: OwnPostgres;

  beforeAll(async () => {
    [edge, other] = await Promise.all([Edge.start(), OwnPostgres.start()]);
    await other.run(`alter role postgres password '${server.password}'`);
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.end().catch(() => undefined)));
  });
  afterAll(async () => {
    await edge?.stop();
    await other?.remove();
  });

  const connect = async (id: string, mode: "transaction" | "session" = "transaction"): Promise<pg.Client> => {
    const client = await connectAt(mode === "transaction" ? edge.port : edge.sessionPort, {
      user: `${server.user}.${id}`,
      password: server.password,
    });
    clients.push(client);
    return client;
  };
  const pidOf = async (client: pg.Client): Promise<number> =>
    (await client.query<{ pid: number }>("select pg_backend_pid() as pid")).rows[0]?.pid ?? 0;
  const portOf = async (client: pg.Client): Promise<number> =>
    Number((await client.query<{ port: string }>("show port")).rows[0]?.port);

  /** Runs transactions until `stop`, and fails with the first that fails. */
  function load(many: readonly pg.Client[]): { readonly stop: () => Promise<number> } {
    let going = true;
    let done = 0;
    const all = Promise.all(
      many.map(async (client) => {
        while (going) {
          await client.query("begin");
          await client.query("select pg_sleep(0.002)");
          await client.query("commit");
          done += 1;
        }
      }),
    );
    // Whoever stops it hears of a failure.
    all.catch(() => undefined);
    return {
      stop: async () => {
        going = false;
        await all;
        return done;
      },
    };
  }

  it("goes to another host under load: open transactions end where they began, and nobody is cut", async () => {
    await edge.put("moves", tenantOn(server));
    const busy = await connect("moves");
    await busy.query("begin");
    expect(await portOf(busy)).toBe(server.port);
    const running = load(await Promise.all(Array.from({ length: 10 }, () => connect("moves"))));
    await edge.put("moves", tenantOn({ ...server, port: other.port }));
    const late = await connect("moves");
    await eventually("new transactions go there", async () => (await portOf(late)) === other.port);
    expect(await portOf(busy)).toBe(server.port);
    await busy.query("commit");
    expect(await portOf(busy)).toBe(other.port);
    expect(await running.stop()).toBeGreaterThan(0);
  });

  it("is paused, moved and resumed under load: clients wait, none is lost", async () => {
    await edge.put("failover", tenantOn(server));
    const many = await Promise.all(Array.from({ length: 10 }, () => connect("failover")));
    const running = load(many);
    const pausedUntilMs = BigInt(Date.now() + 60_000);
    await edge.put("failover", tenantOn(server, { pausedUntilMs }));
    const arriving = connect("failover", "session");
    await edge.put("failover", tenantOn({ ...server, port: other.port }, { pausedUntilMs }));
    await edge.put("failover", tenantOn({ ...server, port: other.port }));
    expect(await portOf(await arriving)).toBe(other.port);
    expect(await running.stop()).toBeGreaterThan(0);
    for (const client of many) expect(await portOf(client)).toBe(other.port);
  });

  it("is paused in the middle of a pipeline: what runs is answered, the rest after the pause, in order", async () => {
    const direct = await connectAt(server.port, { user: server.user, password: server.password });
    clients.push(direct);
    await edge.put("piped", tenantOn(server));
    const client = await RawClient.connect(edge.port);
    await client.logIn({ user: `${server.user}.piped`, database: "postgres" }, server);
    await client.query("select 1");
    const batch = (sql: string): Buffer[] => [parse(sql), bind(), execute(), SYNC];
    const locked = 4712;
    await direct.query("select pg_advisory_lock($1)", [locked]);
    client.send(...batch(`select pg_advisory_xact_lock(${locked})`));
    await eventually("it runs", async () => {
      const { rowCount } = await direct.query(
        "select 1 from pg_locks where locktype = 'advisory' and objid = $1 and not granted",
        [locked],
      );
      return rowCount === 1;
    });
    await edge.put("piped", tenantOn(server, { pausedUntilMs: BigInt(Date.now() + 60_000) }));
    await direct.query("select pg_advisory_unlock($1)", [locked]);
    for (const type of "12DCZ") await client.expect(type);
    client.send(...batch("select 'a'"), ...batch("select 'b'"));
    // Somebody else is served meanwhile: by then they would have been.
    const other = await connectAt(edge.port, { user: `${server.user}.moves`, password: server.password });
    clients.push(other);
    expect((await other.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    const rows: string[] = [];
    const heard = (async () => {
      for (let ready = 0; ready < 2; ) {
        const { type, body } = await client.message();
        if (type === "D") rows.push(...rowOf(body));
        if (type === "Z") ready += 1;
      }
    })();
    await direct.query("select pg_sleep(0.2)");
    expect(rows).toEqual([]);
    await edge.put("piped", tenantOn(server));
    await heard;
    expect(rows).toEqual(["a", "b"]);
    client.close();
  });

  it("gets another password: clients that are there stay, on servers that logged in with it", async () => {
    const name = "rotated";
    await other.run(`create role ${name} login password 'first'`);
    const tenant = (password: string): EdgeTenant =>
      tenantOn({ ...server, port: other.port }, { users: [{ name, password, poolSize: 2 }] });
    await edge.put("rotates", tenant("first"));
    const client = await connectAt(edge.port, { user: `${name}.rotates`, password: "first" });
    clients.push(client);
    const before = await pidOf(client);
    await other.run(`alter role ${name} password 'second'`);
    await edge.put("rotates", tenant("second"));
    await eventually("another server", async () => (await pidOf(client)) !== before);
    expect(
      await failureOf(connectAt(edge.port, { user: `${name}.rotates`, password: "first" })),
    ).toMatchObject({
      code: "28P01",
    });
  });

  it("gets another password in the middle of a login: its pool keeps the new one", async () => {
    await other.run("create role hurried login password 'old'");
    const put = (password: string): Promise<void> =>
      edge.put("hurried", tenantOn(other, { users: [{ name: "hurried", password, poolSize: 5 }] }));
    await put("old");
    const there = await connectAt(edge.port, { user: "hurried.hurried", password: "old" });
    clients.push(there);
    await there.query("select 1");
    const slow = await RawClient.connect(edge.port);
    slow.send(startup({ user: "hurried.hurried", database: "postgres" }));
    await slow.mechanisms();
    const peer = new ScramPeer("old");
    slow.send(saslInitial("SCRAM-SHA-256", peer.first()));
    const { message: proof } = peer.final(await slow.saslContinue());
    await other.run("alter role hurried password 'new'");
    await put("new");
    slow.send(message("p", Buffer.from(proof)));
    for (let type = ""; type !== "Z"; type = (await slow.message()).type) expect(type).not.toBe("E");
    expect((await there.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    expect(await slow.query("select 2")).toEqual([["2"]]);
    slow.close();
  });

  it("gets TLS to its servers: those that follow have it", async () => {
    const ca = await TestCa.make("Databases");
    const secure = await TlsPostgres.start(await ca.issue({ dns: ["localhost"], ip: ["127.0.0.1"] }));
    try {
      const over = async (client: pg.Client): Promise<unknown> =>
        (await client.query("select ssl from pg_stat_ssl where pid = pg_backend_pid()")).rows[0]?.ssl;
      await edge.put("secured", tenantOn(secure));
      const client = await connectAt(edge.port, {
        user: `${secure.user}.secured`,
        password: secure.password,
      });
      clients.push(client);
      expect(await over(client)).toBe(false);
      await edge.put(
        "secured",
        tenantOn(secure, { upstreamSsl: true, upstreamVerify: UpstreamVerify.PEER, upstreamTlsCa: ca.cert }),
      );
      await eventually("encrypted", async () => (await over(client)) === true);
    } finally {
      await secure.stop();
    }
  });

  it("changes in what is not its servers: they stay the same, in both modes", async () => {
    await edge.put("calm", tenantOn(server));
    const [one, two] = [await connect("calm"), await connect("calm", "session")];
    const before = [await pidOf(one), await pidOf(two)];
    await edge.put(
      "calm",
      tenantOn(server, { defaultMaxClients: 77, clientIdleTimeoutMs: 600_000, defaultPoolSize: 9 }),
    );
    expect([await pidOf(one), await pidOf(two)]).toEqual(before);
  });

  it("gets a larger and a smaller pool, at once", async () => {
    const sized = (poolSize: number): EdgeTenant =>
      tenantOn(server, {
        users: [{ name: server.user, password: server.password, manager: true, poolSize }],
      });
    await edge.put("sized", sized(1));
    const [one, two] = [await connect("sized"), await connect("sized")];
    await one.query("begin");
    const waiting = pidOf(two);
    await edge.put("sized", sized(2));
    expect(await waiting).not.toBe(await pidOf(one));
    await one.query("commit");
    await edge.put("sized", sized(1));
    await eventually("one server is left", async () => (await pidOf(one)) === (await pidOf(two)));
  });

  it("is banned: whoever is there is told so, whatever runs", async () => {
    await edge.put("banned", tenantOn(server));
    const [idle, busy] = [await connect("banned"), await connect("banned", "session")];
    const ends = [endOf(idle), failureOf(busy.query("select pg_sleep(60)"))];
    await edge.put("banned", tenantOn(server, { bannedAtMs: 1n, banReason: "unpaid" }));
    for (const end of await Promise.all(ends))
      expect(end).toMatchObject({ code: "28000", message: "(EBANNED) tenant is banned: unpaid" });
    await edge.put("banned", tenantOn(server));
    expect(await pidOf(await connect("banned"))).toBeGreaterThan(0);
  });

  it("loses a user: its sessions end after their transaction, others stay", async () => {
    await other.run("create role leaving login password 'leaving'");
    const own = { ...server, port: other.port };
    const stays = { name: server.user, password: server.password };
    await edge.put("shrinks", tenantOn(own, { users: [stays, { name: "leaving", password: "leaving" }] }));
    const staying = await connect("shrinks");
    const leaving = await connectAt(edge.port, { user: "leaving.shrinks", password: "leaving" });
    clients.push(leaving);
    await leaving.query("begin");
    const ended = endOf(leaving);
    await edge.put("shrinks", tenantOn(own, { users: [stays] }));
    expect((await leaving.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    await leaving.query("commit");
    expect(await ended).toMatchObject({ code: "57P01" });
    expect(await pidOf(staying)).toBeGreaterThan(0);
  });
});
