import { readdirSync, readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { type Fleet, startFleet } from "@sluice/local/fleet";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { eventually } from "../support/eventually.js";
import { connectTo, putTenant, served } from "../support/tenant-api.js";

const MB = 1024 * 1024;
/** Of the answer, and of the request: more than all buffers on the way together. */
const LARGE_MB = 300;
/** What a data plane may grow by meanwhile: sockets' buffers and the garbage of a moment. */
const GROWTH_MB = 120;

/** Resident memory of a process and of those that it has started, in MB. */
function memoryOf(pid: number): number {
  const parents = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const status = readFileSync(`/proc/${name}/status`, "utf8");
        const parent = Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]);
        const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
        return Number(name) === pid || parent === pid ? [kilobytes] : [];
      } catch {
        return [];
      }
    });
  return parents.reduce((sum, kilobytes) => sum + kilobytes, 0) / 1024;
}

describe("large results and slow readers", () => {
  const server = inject("postgres");
  const login = { password: server.password };
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await startFleet({ postgres: server });
    await putTenant(fleet, "large", {
      db_host: "127.0.0.1",
      db_port: server.port,
      db_database: "postgres",
      require_user: true,
      users: [{ db_user: "postgres", db_password: server.password, pool_size: 3 }],
    });
    await served(fleet, "large", login);
  });
  afterAll(async () => {
    await fleet?.stop();
  });

  const socketOf = (client: pg.Client): Socket =>
    (client as unknown as { connection: { stream: Socket } }).connection.stream;

  it("stops reading from the database when a client stops reading, and disturbs nobody", async () => {
    const slow = await connectTo(fleet, "large", login);
    const other = await connectTo(fleet, "large", login);
    await Promise.all([slow.query("select 1"), other.query("select 1")]);
    const before = memoryOf(fleet.dataPlane.pid);
    const answer = slow.query(
      `/* slow reader */ select repeat('x', ${MB}) as part from generate_series(1, ${LARGE_MB})`,
    );
    let read = 0;
    const socket = socketOf(slow);
    socket.once("data", () => socket.pause());
    await eventually(
      "the database waits for us",
      async () => {
        const { rows } = await other.query(
          "select wait_event from pg_stat_activity where query like '/* slow reader */%' and state = 'active'",
        );
        return rows[0]?.wait_event === "ClientWrite";
      },
      { timeoutMs: 20_000 },
    );
    expect((await other.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    expect(memoryOf(fleet.dataPlane.pid) - before).toBeLessThan(GROWTH_MB);
    socket.resume();
    for (const { part } of (await answer).rows as { part: string }[]) read += part.length;
    expect(read).toBe(LARGE_MB * MB);
    expect(memoryOf(fleet.dataPlane.pid) - before).toBeLessThan(GROWTH_MB);
    await Promise.all([slow.end(), other.end()]);
  });

  it("does not collect a large request in memory", async () => {
    const client = await connectTo(fleet, "large", login);
    await client.query("select 1");
    const before = memoryOf(fleet.dataPlane.pid);
    const { rows } = await client.query("select length($1::text) as length", ["y".repeat(100 * MB)]);
    expect(rows).toEqual([{ length: 100 * MB }]);
    expect(memoryOf(fleet.dataPlane.pid) - before).toBeLessThan(GROWTH_MB);
    await client.end();
  });

  it("goes on when a client goes away in the middle of a large answer", async () => {
    const gone = await connectTo(fleet, "large", { ...login, mode: "session" });
    gone.query(`select repeat('x', ${MB}) from generate_series(1, ${LARGE_MB})`).catch(() => undefined);
    const socket = socketOf(gone);
    await new Promise<void>((resolve) => socket.once("data", () => resolve()));
    socket.destroy();
    const watcher = await connectTo(fleet, "large", login);
    await eventually(
      "nothing runs on",
      async () => {
        const { rowCount } = await watcher.query(
          "select 1 from pg_stat_activity where state <> 'idle' and pid <> pg_backend_pid() and query like 'select repeat%'",
        );
        return rowCount === 0;
      },
      { timeoutMs: 20_000 },
    );
    await watcher.end();
  });
});
