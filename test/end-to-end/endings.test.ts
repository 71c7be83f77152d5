import { rmSync } from "node:fs";
import { connect } from "node:net";
import { type Fleet, startFleet } from "@sluice/local/fleet";
import { EmbeddedPostgres, freePort } from "@sluice/shared/postgres";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { eventually } from "../support/eventually.js";
import { callApi, connectTo, endOf, putTenant, served } from "../support/tenant-api.js";

/** How long a session may go on after its tenant was deleted. */
const REMOVAL_MS = 30_000;

describe("what ends, ends as it should", () => {
  const server = inject("postgres");
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await startFleet({ postgres: server, dataPlaneEnvironment: { DRAIN_TIMEOUT_MS: "8000" } });
  });
  afterAll(async () => {
    await fleet?.stop();
  });

  const login = { password: server.password };
  const tenant = (port: number, more: Readonly<Record<string, unknown>> = {}) => ({
    db_host: "127.0.0.1",
    db_port: port,
    db_database: "postgres",
    require_user: true,
    users: [{ db_user: "postgres", db_password: server.password, pool_size: 3, pool_checkout_timeout: 5000 }],
    ...more,
  });

  function sendCancel(client: pg.Client): Promise<void> {
    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
    const packet = Buffer.alloc(16);
    packet.writeInt32BE(16, 0);
    packet.writeInt32BE(80877102, 4);
    packet.writeInt32BE(processID, 8);
    packet.writeInt32BE(secretKey, 12);
    return new Promise((resolve, reject) => {
      const socket = connect(fleet.dataPlane.ports.transaction, "127.0.0.1", () => socket.write(packet));
      socket.once("close", () => resolve());
      socket.once("error", reject);
      socket.resume();
    });
  }

  for (const mode of ["transaction", "session"] as const) {
    it(`cancels the query of one client and of nobody else, in ${mode} mode`, async () => {
      const id = `cancels_${mode}`;
      await putTenant(fleet, id, tenant(server.port));
      await served(fleet, id, login);
      const [one, other, watcher] = await Promise.all(
        [1, 2, 3].map(() => connectTo(fleet, id, { ...login, mode })),
      );
      if (one === undefined || other === undefined || watcher === undefined) throw new Error("no clients");
      const mark = `/* ${id} */ select pg_sleep`;
      const sleeps = one.query(`${mark}(100)`);
      const goesOn = other.query(`${mark}(0.5), 1 as one`);
      const running = async (text: string): Promise<number> => {
        const { rows } = await watcher.query<{ n: number }>(
          "select count(*)::int as n from pg_stat_activity where state = 'active' and query like $1",
          [`${text}%`],
        );
        return rows[0]?.n ?? 0;
      };
      await eventually("both run", async () => (await running(mark)) === 2);
      const canceled = expect(sleeps).rejects.toMatchObject({ code: "57014" });
      await sendCancel(one);
      await canceled;
      expect((await goesOn).rows).toMatchObject([{ one: 1 }]);
      await eventually("nothing runs on", async () => (await running(mark)) === 0);
      expect((await one.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
      await Promise.all([one, other, watcher].map((client) => client.end()));
    });
  }

  it("ends the sessions of a deleted tenant: idle ones at once, others after their transaction, all within 30 s", async () => {
    await putTenant(fleet, "deleted", tenant(server.port));
    await served(fleet, "deleted", login);
    const idle = await connectTo(fleet, "deleted", login);
    const busy = await connectTo(fleet, "deleted", login);
    const stubborn = await connectTo(fleet, "deleted", { ...login, mode: "session" });
    await busy.query("begin");
    await stubborn.query("begin");
    const ends = { idle: endOf(idle), busy: endOf(busy), stubborn: endOf(stubborn) };

    const startMs = performance.now();
    expect((await callApi(fleet, "DELETE", "/api/tenants/deleted")).status).toBe(204);
    expect(await ends.idle).toMatchObject({ code: "57P01" });
    await expect(connectTo(fleet, "deleted", login)).rejects.toMatchObject({
      code: "28000",
      message: expect.stringContaining("(ENOTFOUND)"),
    });
    expect((await busy.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    await busy.query("commit");
    expect(await ends.busy).toMatchObject({ code: "57P01" });
    expect(await ends.stubborn).toMatchObject({ code: "57P01" });
    const tookMs = performance.now() - startMs;
    expect(tookMs).toBeGreaterThan(REMOVAL_MS - 2000);
    expect(tookMs).toBeLessThan(REMOVAL_MS + 5000);
  });

  it("tells who waits for a database that is down, and serves the same connection when it is back", async () => {
    const folder = `/tmp/sluice-down-${process.pid}`;
    const port = await freePort();
    const start = () => EmbeddedPostgres.start({ folder, port, fsync: false, password: server.password });
    try {
      // Down, and nothing is known yet of what a direct connection would be greeted with.
      await putTenant(fleet, "down", tenant(port));
      const refused = await eventually("the tenant is known", async () => {
        const error = await connectTo(fleet, "down", login).catch((thrown: unknown) => thrown);
        const { code, message } = error as { code?: string; message: string };
        return message.includes("ENOTFOUND") ? undefined : { code, message };
      });
      expect(refused).toMatchObject({
        code: "08006",
        message: expect.stringContaining("Failed to connect to database"),
      });

      let database = await start();
      const client = await connectTo(fleet, "down", login);
      expect((await client.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
      await database.stop();
      const onQuery = await eventually("the data plane has seen it", () =>
        client.query("select 1").then(
          () => undefined,
          (error: { code?: string; severity?: string }) => error,
        ),
      );
      expect(onQuery).toMatchObject({ code: "08006", severity: "ERROR" });
      const late = await connectTo(fleet, "down", login);
      await expect(late.query("select 1")).rejects.toMatchObject({ code: "08006", severity: "ERROR" });

      database = await start();
      for (const each of [client, late]) {
        await eventually(
          "served again",
          async () => (await each.query("select 1 as one")).rows.length === 1,
          { timeoutMs: 20_000 },
        );
      }
      await Promise.all([client.end(), late.end()]);
      await database.stop();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("drains on SIGTERM: idle sessions are told, transactions end first, and the exit code is 0", async () => {
    await putTenant(fleet, "drained", tenant(server.port));
    await served(fleet, "drained", login);
    const idle = await connectTo(fleet, "drained", login);
    const busy = await connectTo(fleet, "drained", login);
    await busy.query("begin");
    const ends = { idle: endOf(idle), busy: endOf(busy) };
    const { ended } = fleet.dataPlane;
    process.kill(fleet.dataPlane.pid, "SIGTERM");
    expect(await ends.idle).toMatchObject({ code: "57P01" });
    await expect(connectTo(fleet, "drained", login)).rejects.toThrow();
    expect((await busy.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    await busy.query("commit");
    expect(await ends.busy).toMatchObject({ code: "57P01" });
    expect(await ended).toBe("exit code 0");
    await fleet.dataPlane.start();
  });
});
