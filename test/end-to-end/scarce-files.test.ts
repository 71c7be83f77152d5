import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { type Fleet, startFleet } from "@sluice/local/fleet";
import type pg from "pg";
import { afterEach, describe, expect, inject, it } from "vitest";
import { eventually } from "../support/eventually.js";
import { connectTo, putTenant, served } from "../support/tenant-api.js";

const CLIENTS = 40;
/** So many files more than it has open may a process open. */
const SPARE = 8;
/** What a client may be told: no connection, no server, or not in time. */
const EXPLAINED = /ECONNRESET|EPIPE|Connection terminated|timeout expired|08006|53300/;

describe.skipIf(!existsSync("/usr/bin/prlimit"))("a data plane that may open no more files (Linux)", () => {
  const server = inject("postgres");
  const login = { password: server.password };
  const one = async (client: pg.Client): Promise<unknown> => (await client.query("select 1 as one")).rows;
  let fleet: Fleet | undefined;
  afterEach(async () => {
    await fleet?.stop();
  });

  it.each([
    1, 2,
  ])("serves those who are there, and everybody once it may again, with %i workers", async (workers) => {
    const started = await begin(workers);
    const steady = await Promise.all(Array.from({ length: 4 }, () => connectTo(started, "scarce", login)));
    for (const client of steady) expect(await one(client)).toEqual([{ one: 1 }]);
    const processes = processesOf(started);

    for (const pid of processes) limitFiles(pid, readdirSync(`/proc/${pid}/fd`).length + SPARE);
    const outcomes = await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        let client: pg.Client | undefined;
        try {
          client = await connectTo(started, "scarce", login);
          await client.query("select pg_sleep(0.2)");
          return "served";
        } catch (error) {
          const { code = "", message } = error as { code?: string; message: string };
          return `${code} ${message}`;
        } finally {
          await client?.end().catch(() => undefined);
        }
      }),
    );
    for (const outcome of outcomes) if (outcome !== "served") expect(outcome).toMatch(EXPLAINED);
    expect(outcomes.filter((outcome) => outcome !== "served").length, "were refused").toBeGreaterThan(0);
    for (const client of steady) expect(await one(client)).toEqual([{ one: 1 }]);

    for (const pid of processes) limitFiles(pid, 10_000);
    await everybodyIsServed(started);
    expect(processesOf(started), "no process has died of it").toEqual(processes);
    await Promise.all(steady.map((client) => client.end()));
  });

  it("closes clients that could not be handed to a worker, and hands over all who come later", async () => {
    const started = await begin(2);
    const processes = processesOf(started);
    const workers = processes.slice(1);
    for (const pid of workers) limitFiles(pid, readdirSync(`/proc/${pid}/fd`).length);
    // More than the workers are given at a time: these have to make room for those behind them.
    const outcomes = await Promise.allSettled(
      Array.from({ length: 12 }, () => connectTo(started, "scarce", login)),
    );
    const turnedAway = outcomes.filter((outcome) => outcome.status === "rejected");
    // A file of an earlier client may have been closed meanwhile.
    expect(turnedAway.length).toBeGreaterThanOrEqual(8);
    for (const outcome of turnedAway)
      expect(String(outcome.reason)).toMatch(/ECONNRESET|Connection terminated/);
    for (const pid of workers) limitFiles(pid, 10_000);
    await everybodyIsServed(started);
    expect(processesOf(started), "no process has died of it").toEqual(processes);
  });

  async function begin(workers: number): Promise<Fleet> {
    fleet = await startFleet({
      postgres: server,
      dataPlaneEnvironment: { DATA_PLANE_WORKERS: String(workers) },
    });
    await putTenant(fleet, "scarce", {
      db_host: "127.0.0.1",
      db_port: server.port,
      db_database: "postgres",
      require_user: true,
      users: [
        { db_user: "postgres", db_password: server.password, pool_size: 5, pool_checkout_timeout: 3000 },
      ],
    });
    await served(fleet, "scarce", login);
    return fleet;
  }

  async function everybodyIsServed(on: Fleet): Promise<void> {
    await eventually("everybody is served again", async () => {
      const many = await Promise.all(Array.from({ length: CLIENTS }, () => connectTo(on, "scarce", login)));
      try {
        await Promise.all(many.map(one));
      } finally {
        await Promise.all(many.map((client) => client.end()));
      }
      return true;
    });
  }
});

/** The primary, and its workers behind it. */
function processesOf({ dataPlane: { pid } }: Fleet): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return [pid, ...children.split(" ").map(Number).filter(Boolean)];
}

/** The soft limit; it may be raised again up to the hard one. */
function limitFiles(pid: number, most: number): void {
  execFileSync("prlimit", ["--pid", String(pid), `--nofile=${most}:`]);
}
