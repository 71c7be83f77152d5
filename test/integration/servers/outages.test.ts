import type pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { connectAt, failureOf } from "../../support/edge-client.js";
import { eventually } from "../../support/eventually.js";
import { OwnPostgres } from "../../support/own-postgres.js";
import { cstring, int32, message } from "../../support/protocol.js";
import { RawClient } from "../../support/raw-client.js";
import { RawServer } from "../../support/raw-server.js";
import { Edge, type EdgeTenant, type EdgeUser, tenantOn } from "../login/edge.js";

describe("a database that goes and comes", () => {
  let database: OwnPostgres;
  let edge: Edge;
  let raw: RawServer | undefined;
  const clients: pg.Client[] = [];
  let number = 0;

  beforeAll(async () => {
    database = await OwnPostgres.start();
    edge = await Edge.start();
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.end().catch(() => undefined)));
    await raw?.stop();
    raw = undefined;
  });
  afterAll(async () => {
    await edge?.stop();
    await database?.remove();
  });

  const tenant = async (change: Partial<EdgeTenant> = {}, user: Partial<EdgeUser> = {}): Promise<string> => {
    number += 1;
    const id = `outage${number}`;
    const users = [{ name: "postgres", password: "postgres", manager: true, ...user }];
    await edge.put(id, tenantOn(database, { users, ...change }));
    return id;
  };
  const connect = async (id: string, mode: "transaction" | "session" = "transaction"): Promise<pg.Client> => {
    const port = mode === "transaction" ? edge.port : edge.sessionPort;
    const client = await connectAt(port, { user: `postgres.${id}`, password: "postgres" });
    clients.push(client);
    return client;
  };
  const one = async (client: pg.Client): Promise<unknown> => (await client.query("select 1 as one")).rows;
  const pidOf = async (client: pg.Client): Promise<number> =>
    (await client.query<{ pid: number }>("select pg_backend_pid() as pid")).rows[0]?.pid ?? 0;

  it("is waited for through a restart: clients that are connected notice nothing but time", async () => {
    const id = await tenant();
    const many = await Promise.all(Array.from({ length: 20 }, () => connect(id)));
    await Promise.all(many.map(one));
    await database.shutDown();
    const asked = many.map(one);
    await database.start();
    for (const rows of await Promise.all(asked)) expect(rows).toEqual([{ one: 1 }]);
  });

  it("is waited for after kill -9 too, by who asks then; whose query ran is told that its outcome is unknown", async () => {
    const id = await tenant();
    const [busy, idle] = [await connect(id), await connect(id)];
    const running = failureOf(busy.query("select pg_sleep(60) /* outage */"));
    await eventually("it runs", async () => {
      const rows = await database.run(
        "select 1 from pg_stat_activity where query like '%/* outage */' and state = 'active' and pid <> pg_backend_pid()",
      );
      return rows.length === 1;
    });
    await database.crash();
    const failure = await running;
    expect(failure).toMatchObject({ code: "08006", severity: "FATAL" });
    expect(failure.hint).toContain("unknown");
    const asked = one(idle);
    await database.start();
    expect(await asked).toEqual([{ one: 1 }]);
  });

  it("passes its own FATAL on, once, to whose query it ends", async () => {
    const id = await tenant();
    const client = await connect(id);
    const errors: unknown[] = [];
    client.on("error", (error) => errors.push(error));
    const running = failureOf(client.query("select pg_sleep(60) /* terminated */"));
    await eventually("it is ended", async () => {
      const rows = await database.run(
        "select pg_terminate_backend(pid) from pg_stat_activity where query like '%/* terminated */' and pid <> pg_backend_pid()",
      );
      return rows.length === 1;
    });
    expect(await running).toMatchObject({ code: "57P01", severity: "FATAL" });
  });

  it("may end idle servers: who asks next gets another one, and never hears of it", async () => {
    const id = await tenant();
    const client = await connect(id);
    for (let round = 0; round < 5; round++) {
      const pid = await pidOf(client);
      await database.run("select pg_terminate_backend($1)", [pid]);
      await eventually("it is gone", async () => {
        const rows = await database.run("select 1 from pg_stat_activity where pid = $1", [pid]);
        return rows.length === 0;
      });
      expect(await pidOf(client)).not.toBe(pid);
    }
  });

  it("is given up after 5 s: ERROR 08006 and the connection stays; new clients are greeted from what is known", async () => {
    const id = await tenant();
    const client = await connect(id);
    await one(client);
    await database.shutDown();
    try {
      const begunMs = performance.now();
      expect(await failureOf(one(client))).toMatchObject({ code: "08006", severity: "ERROR" });
      expect(performance.now() - begunMs).toBeGreaterThan(4000);
      const late = await connectAt(edge.port, {
        user: `postgres.${id}`,
        password: "postgres",
        options: "-c statement_timeout=1234 -c TimeZone=Europe/Berlin",
      });
      clients.push(late);
      const asked = late.query("show statement_timeout");
      await database.start();
      expect((await asked).rows).toEqual([{ statement_timeout: "1234ms" }]);
      expect(await one(client)).toEqual([{ one: 1 }]);
    } finally {
      await database.start().catch(() => undefined);
    }
  });

  it("that nobody has reached yet refuses logins at once, or is greeted from default_parameter_status", async () => {
    const away = { dbPort: 1 };
    const id = await tenant(away);
    expect(await failureOf(connect(id))).toMatchObject({ code: "08006", severity: "FATAL" });
    const known = await tenant({
      ...away,
      defaultParameterStatus: { server_version: "18.4", client_encoding: "UTF8" },
    });
    const client = await connect(known);
    expect(await failureOf(one(client))).toMatchObject({ code: "08006", severity: "ERROR" });
  });

  it("that is starting up is waited for, as long as pool_checkout_timeout allows", async () => {
    let starting = true;
    raw = await RawServer.start(async (connection) => {
      await connection.packet();
      if (starting) {
        connection.send(
          message("E", Buffer.from("SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0")),
        );
        connection.socket.end();
        return;
      }
      connection.greet();
      for (;;) {
        await connection.expect("Q");
        connection.send(message("C", cstring("SELECT 0")), message("Z", Buffer.from("I")));
      }
    });
    const id = await tenant({ dbPort: raw.port }, { checkoutTimeoutMs: 20_000 });
    const waiting = connect(id, "session");
    await eventually("it was tried again", () => (raw?.connections ?? 0) >= 3);
    starting = false;
    await waiting;
    starting = true;
    const impatient = await tenant({ dbPort: raw.port }, { checkoutTimeoutMs: 300 });
    expect(await failureOf(connect(impatient, "session"))).toMatchObject({
      code: "57P03",
      severity: "FATAL",
    });
  });

  it("says no for a reason: all who wait are told it, from one connection", async () => {
    raw = await RawServer.start(async (connection) => {
      await connection.packet();
      connection.send(message("E", Buffer.from('SFATAL\0VFATAL\0C3D000\0Mdatabase "x" does not exist\0\0')));
      connection.socket.end();
    });
    const id = await tenant({ dbPort: raw.port });
    const refused = await Promise.all(Array.from({ length: 50 }, () => failureOf(connect(id, "session"))));
    for (const failure of refused) expect(failure).toMatchObject({ code: "3D000" });
    // Those that came while it was tried share its outcome.
    expect(raw.connections).toBeLessThan(15);
  });

  it("that has no connections left serves with those it gave", async () => {
    let open = 0;
    raw = await RawServer.start(async (connection) => {
      await connection.packet();
      if (open >= 1) {
        connection.send(
          message("E", Buffer.from("SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0")),
        );
        connection.socket.end();
        return;
      }
      open += 1;
      connection.greet();
      for (;;) {
        await connection.expect("Q");
        connection.send(
          message(
            "T",
            Buffer.concat([
              Buffer.of(0, 1),
              cstring("one"),
              int32(0),
              Buffer.of(0, 0),
              int32(23),
              Buffer.of(0, 4),
              int32(-1),
              Buffer.of(0, 0),
            ]),
          ),
          message("D", Buffer.concat([Buffer.of(0, 1), int32(1), Buffer.from("1")])),
          message("C", cstring("SELECT 1")),
          message("Z", Buffer.from("I")),
        );
      }
    });
    const id = await tenant({ dbPort: raw.port });
    const many = await Promise.all(Array.from({ length: 10 }, () => connect(id)));
    for (const rows of await Promise.all(many.map(one))) expect(rows).toEqual([{ one: 1 }]);
    expect(raw.connections).toBeLessThan(12);
  });

  it("that answers as another one is greeted anew: what was learnt of the first is forgotten", async () => {
    const first = await OwnPostgres.start();
    let second: OwnPostgres | undefined;
    try {
      await first.run("alter system set timezone = 'Asia/Tokyo'");
      await first.run("select pg_reload_conf()");
      const id = await tenant({ dbPort: first.port });
      const zone = async (): Promise<unknown> => {
        const client = await connectAt(edge.port, {
          user: `postgres.${id}`,
          password: "postgres",
          options: "-c DateStyle=German",
        });
        clients.push(client);
        return (await client.query("show timezone")).rows;
      };
      await eventually("its settings are in force", async () => {
        const rows = await first.run<{ TimeZone: string }>("show timezone");
        return rows[0]?.TimeZone === "Asia/Tokyo";
      });
      const greeted = async (): Promise<string | undefined> => {
        const client = await RawClient.connect(edge.port);
        const { parameters } = await client.logIn(
          { user: `postgres.${id}`, database: "postgres", options: "-c DateStyle=German" },
          { password: "postgres" },
        );
        client.close();
        return parameters.get("TimeZone");
      };
      await zone();
      expect(await greeted()).toBe("Asia/Tokyo");
      await first.shutDown();
      second = await OwnPostgres.start({ port: first.port });
      await eventually("it is used", zone, { timeoutMs: 15_000 });
      expect(await greeted()).not.toBe("Asia/Tokyo");
    } finally {
      await second?.remove();
      await first.remove();
    }
  });
});
