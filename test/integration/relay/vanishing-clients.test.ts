import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.js";
import { startup } from "../../support/protocol.js";
import { RawClient } from "../../support/raw-client.js";
import { bind, copyData, execute, flush, parse, query, Sides, sync } from "./sides.js";

const POOL_SIZE = 2;
/** One for each mode. */
const POOLS = 2;
const SETTLE = { timeoutMs: 20_000 };

/** What the client had sent when it went, and whether its server can be used again. */
const MOMENTS: Readonly<Record<string, { readonly sent: readonly Buffer[]; readonly serverStays: boolean }>> =
  {
    "idle in a transaction": { sent: [query("begin; insert into t values (1)")], serverStays: true },
    "in a failed transaction": { sent: [query("begin; selec")], serverStays: true },
    "in the middle of a query": { sent: [query("select pg_sleep(100)")], serverStays: true },
    "with requests ahead": {
      sent: [query("select 1"), query("select pg_sleep(100)"), query("select 2")],
      serverStays: true,
    },
    "in COPY IN": { sent: [query("copy t from stdin"), copyData("1\n")], serverStays: true },
    "in COPY IN of a batch": {
      sent: [parse("", "copy t from stdin"), bind(""), execute(), sync, copyData("1\n")],
      serverStays: true,
    },
    "in COPY OUT": {
      sent: [query("copy (select repeat('x', 1000) from generate_series(1, 1000000)) to stdout")],
      serverStays: true,
    },
    "in a batch without its Sync": {
      sent: [parse("s", "insert into t values (1)"), bind("s"), execute(), flush],
      serverStays: false,
    },
    "behind an injected Parse": {
      sent: [parse("s", "select pg_sleep(100)"), bind("s"), execute(), sync],
      serverStays: true,
    },
    "with half a query sent": {
      sent: [query(`insert into t select length('${"x".repeat(3_000_000)}')`).subarray(0, 1_000_000)],
      serverStays: false,
    },
    "with half a Bind sent": {
      sent: [
        parse("", "select $1::text"),
        // Long enough to go on in parts.
        bind("", ["x".repeat(3_000_000)]).subarray(0, 1_000_000),
      ],
      serverStays: false,
    },
    "with half a COPY message sent": {
      sent: [query("copy t from stdin"), copyData("1\n").subarray(0, 6)],
      serverStays: false,
    },
  };

/** What a client has said when it goes, at once, or with some of its last bytes not sent. */
const SAID: Readonly<Record<string, Buffer>> = {
  "COPY data": Buffer.concat([query("copy t from stdin"), copyData("1\n")]),
  "COPY data by extended protocol": Buffer.concat([
    ...[parse("", "copy t from stdin"), bind(""), execute(), flush, copyData("1\n")],
  ]),
  "COPY data behind a Sync": Buffer.concat([parse("", "copy t from stdin"), bind(""), execute(), sync]),
  "a transaction": Buffer.concat([query("begin"), query("insert into t values (1)")]),
  "a failed transaction": Buffer.concat([query("begin"), query("select 1/0")]),
  "a batch without Sync": Buffer.concat([parse("", "insert into t values (1)"), bind(""), execute()]),
  "a batch with Flush": Buffer.concat([parse("", "select 1"), bind(""), execute(), flush]),
  "a large result": query("select repeat('x', 1000) from generate_series(1, 20000)"),
  settings: Buffer.concat([query("set app.own = 'x'"), query("set timezone = 'Asia/Tokyo'"), query("begin")]),
  "settings behind a slow statement": Buffer.concat([
    query("select pg_sleep(0.02)"),
    query("set app.own = 'x'; select set_config('work_mem', '7MB', false)"),
  ]),
  "a temporary table": query("create temp table mine (n int); select pg_sleep(0.02)"),
  "a lock": query("select pg_advisory_lock(4711); select pg_sleep(0.02)"),
  "a query": query("select pg_sleep(0.02)"),
};

const LEFT = `select (select count(*) from t), coalesce(current_setting('app.own', true), ''),
  current_setting('timezone'), current_setting('work_mem'),
  (select count(*) from pg_class where relnamespace = pg_my_temp_schema()),
  (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())`;
const NOTHING_LEFT = [["0", "", "UTC", "4MB", "0", "0"]];

const start = async (poolSize: number): Promise<Sides> => {
  const sides = await Sides.start(poolSize);
  const direct = await sides.direct();
  await direct.query("create table t (a int)");
  direct.close();
  return sides;
};
const pidOf = async (client: RawClient): Promise<string> =>
  (await client.query("select pg_backend_pid()"))[0]?.[0] ?? "";

describe("a client that vanishes", () => {
  let one: Sides;
  let some: Sides;

  beforeAll(async () => {
    [one, some] = await Promise.all([start(1), start(POOL_SIZE)]);
  });
  afterAll(async () => {
    await one?.stop();
    await some?.stop();
  });

  for (const [moment, { sent, serverStays }] of Object.entries(MOMENTS)) {
    it(`leaves nothing to the next one: ${moment}`, async () => {
      const client = await one.pooled();
      const pid = await pidOf(client);
      client.send(...sent);
      const watcher = await one.direct();
      await eventually("the server has it", async () => {
        const rows = await watcher.query(
          `select state from pg_stat_activity where pid = ${pid} and (state <> 'idle' or wait_event = 'ClientRead')`,
        );
        return rows.length > 0;
      });
      client.socket.resetAndDestroy();
      const next = await one.pooled();
      expect((await pidOf(next)) === pid).toBe(serverStays);
      expect(await next.query(LEFT)).toEqual(NOTHING_LEFT);
      expect(
        await watcher.query(
          "select count(*) from pg_stat_activity where state <> 'idle' and pid <> pg_backend_pid() and datname = current_database() and backend_type = 'client backend'",
        ),
      ).toEqual([["0"]]);
      next.close();
      watcher.close();
    });
  }

  for (const mode of ["transaction", "session"] as const) {
    for (const [what, said] of Object.entries(SAID)) {
      it(`at once behind ${what}, whole or cut, leaves its servers to others in ${mode} mode`, async () => {
        for (const cut of [0, 1, 7, 12]) {
          for (const reset of [false, true]) {
            const client = await some.pooled({}, mode);
            client.send(said.subarray(0, said.length - cut));
            // It is there, and has begun.
            if (cut === 0) await setImmediate();
            if (reset) client.socket.resetAndDestroy();
            else client.close();
          }
        }
        const watcher = await some.direct();
        await eventually(
          "all servers are idle",
          async () => {
            const rows = await watcher.query(
              "select state from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'",
            );
            return rows.length <= POOLS * POOL_SIZE && rows.every(([state]) => state === "idle");
          },
          SETTLE,
        );
        watcher.close();
        const others = await Promise.all(Array.from({ length: POOL_SIZE }, () => some.pooled({}, mode)));
        for (const other of others) {
          // Both at once, so that each server is looked at.
          await other.query("begin");
        }
        for (const other of others) {
          expect(await other.query(LEFT)).toEqual(NOTHING_LEFT);
          other.close();
        }
      });
    }
  }

  it("in the queue gives its place up at once", async () => {
    const [holder, gone, next] = [await one.pooled(), await one.pooled(), await one.pooled()];
    await holder.query("begin");
    gone.send(query("insert into t values (2)"));
    next.send(query("select count(*) from t"));
    gone.socket.resetAndDestroy();
    await eventually("it has left", () => holder.query("select 1"));
    await holder.query("commit");
    expect((await next.expect("T")).length).toBeGreaterThan(0);
    expect((await next.expect("D")).toString("latin1")).toContain("0");
    holder.close();
    next.close();
  });

  it("after its request, with a half-closed connection, still gets its answer", async () => {
    const client = await one.pooled();
    client.send(query("select 'to the last'"));
    client.socket.end();
    await client.expect("T");
    expect((await client.expect("D")).toString("latin1")).toContain("to the last");
    await client.expect("C");
    await client.expect("Z");
    expect((await client.rest()).length).toBe(0);
  });

  it("by saying no more while its server is prepared is not kept for ever", async () => {
    const first = await one.pooled({}, "session");
    const pid = Number(await pidOf(first));
    first.close();
    const watcher = await one.direct();
    await eventually("the server is free", async () => {
      const rows = await watcher.query(`select query from pg_stat_activity where pid = ${pid}`);
      return rows[0]?.[0] === "DISCARD ALL";
    });
    const { user, password, database } = one.database;
    const client = await RawClient.connect(one.edge.sessionPort);
    process.kill(pid, "SIGSTOP");
    try {
      client.send(startup({ user: `${user}.${one.tenant}`, database, TimeZone: "Asia/Tokyo" }));
      await client.authenticate({ password });
      await new Promise<void>((resolve) => client.socket.end(resolve));
      // The data plane is in this process: it hears so in one of its next turns.
      for (let turns = 0; turns < 50; turns++) await setImmediate();
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await client.rest();
    const next = await one.pooled({}, "session");
    expect(await next.query("select 'mine'")).toEqual([["mine"]]);
    next.close();
    watcher.close();
  });
});

describe("a connection that ends inside a message", () => {
  let sides: Sides;
  beforeAll(async () => {
    sides = await start(1);
  });
  afterAll(async () => {
    await sides?.stop();
  });

  it("is closed without a word, since the client would take it for a part of the message", async () => {
    const client = await sides.pooled();
    const pid = await pidOf(client);
    client.socket.pause();
    client.send(query("select repeat('x', 50000000)"));
    const watcher = await sides.direct();
    await eventually("the server waits for the client to read", async () => {
      const rows = await watcher.query(`select wait_event from pg_stat_activity where pid = ${pid}`);
      return rows[0]?.[0] === "ClientWrite";
    });
    await watcher.query(`select pg_terminate_backend(${pid})`);
    client.socket.resume();
    await client.expect("T");
    const row = await client.rest();
    expect(row.toString("latin1", 0, 1)).toBe("D");
    expect(row.readInt32BE(1)).toBeGreaterThan(row.length);
    expect(row.subarray(11).every((byte) => byte === 0x78)).toBe(true);
    const next = await sides.pooled();
    expect(await next.query("select 'mine'")).toEqual([["mine"]]);
    next.close();
    watcher.close();
  });
});
