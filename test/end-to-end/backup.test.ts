import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type Fleet, startFleet } from "@sluice/local/fleet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DebianPostgres, replicationTools } from "../support/debian-postgres.js";
import { CHECKOUT } from "../support/development-run.js";
import { eventually } from "../support/eventually.js";
import { callApi, connectTo, putTenant, served } from "../support/tenant-api.js";

// pg_dump reads no server that is newer than itself: the server is the one that it came with.
const tools = replicationTools();
const why = tools === undefined ? " (skipped: no Postgres with its tools in /usr/lib/postgresql)" : "";
const LOGIN = { password: "postgres" };

describe.skipIf(tools === undefined)(`a fleet whose database and secrets are changed under it${why}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-backup-"));
  const keys = (name: string): string => join(folder, "keys", name);
  let postgres: DebianPostgres;
  let fleet: Fleet;

  beforeAll(async () => {
    postgres = await DebianPostgres.start(tools ?? "");
    fleet = await startFleet({ postgres });
    symlinkSync(join(CHECKOUT, "control-plane"), join(folder, "control-plane"));
    symlinkSync(join(fleet.folder, "credentials"), join(folder, "keys"));
  }, 120_000);
  afterAll(async () => {
    await fleet?.stop();
    await postgres?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const urlOf = (database: string): string =>
    `postgresql://postgres:postgres@127.0.0.1:${postgres.port}/${database}`;
  const put = async (id: string): Promise<void> => {
    const user = { db_user: "postgres", db_password: "postgres", pool_size: 2, mode_type: "transaction" };
    const tenant = {
      db_host: "127.0.0.1",
      db_port: postgres.port,
      db_database: "postgres",
      require_user: true,
      users: [user],
    };
    expect((await putTenant(fleet, id, tenant)).status).toBe(201);
    await served(fleet, id, LOGIN);
  };
  const standing = async (): Promise<string> => {
    const { data } = (await (await callApi(fleet, "GET", "/api/fleet")).json()) as {
      data: { status: string }[];
    };
    return data.map(({ status }) => status).join();
  };
  const blocksOf = (page: string): string[] => {
    const text = readFileSync(join(CHECKOUT, "docs", page), "utf8");
    return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  };
  const run = (script: string, environment: Readonly<Record<string, string>> = {}): Promise<string> =>
    new Promise((resolve, reject) => {
      const env = { PATH: `${tools}${delimiter}${process.env.PATH}`, ...environment };
      execFile("sh", ["-euc", script], { cwd: folder, timeout: 60_000, env }, (error, out, err) =>
        error === null ? resolve(out) : reject(new Error(`${script}\n${out}${err}`)),
      );
    });
  const query = async (id: string): Promise<unknown> => {
    const client = await connectTo(fleet, id, LOGIN);
    const { rows } = await client.query("select 1 as one");
    await client.end();
    return rows;
  };

  it("is restored from a dump as docs/backup.md says, and serves all the while", async () => {
    const [dump = "", restore = "", raise = "", ...more] = blocksOf("backup.md");
    expect(more).toEqual([]);
    await put("kept");
    const [{ datname = "" } = {}] = await postgres.run<{ datname: string }>(
      "select datname from pg_database where datname like 'sluice%'",
    );
    await run(dump, { DATABASE_URL: urlOf(datname) });
    await put("written-after-the-backup");
    await fleet.controlPlane.stop();

    await postgres.run("create database restored");
    await run(restore, { RESTORED_DATABASE_URL: urlOf("restored") });
    await fleet.controlPlane.start({ DATABASE_URL: urlOf("restored") });
    await eventually("the fleet is ahead", async () => (await standing()) === "AHEAD", { timeoutMs: 30_000 });
    expect(await query("kept")).toEqual([{ one: 1 }]);
    expect(await query("written-after-the-backup")).toEqual([{ one: 1 }]);

    expect(await run(raise)).toContain("epoch");
    await eventually("the fleet follows", async () => (await standing()) === "SYNCED", { timeoutMs: 60_000 });
    expect(await query("kept")).toEqual([{ one: 1 }]);
    await expect(query("written-after-the-backup")).rejects.toThrow(/ENOTFOUND/);
    await put("written-after-the-backup");
  }, 180_000);

  it("takes another stream token key as docs/secrets.md says", async () => {
    const make = blocksOf("secrets.md").find((block) => block.includes("mint-token")) ?? "";
    await run(make);
    copyFileSync(keys("token-2"), keys("data-plane-token"));
    await fleet.controlPlane.stop();
    await fleet.controlPlane.start({
      DATABASE_URL: urlOf("restored"),
      STREAM_TOKEN_KEY_PATH: keys("stream-token-2.pub.pem"),
    });
    // A change arrives: the data plane has connected by the new one.
    await put("after-the-token");
    await eventually("it follows", async () => (await standing()) === "SYNCED", { timeoutMs: 30_000 });
  }, 120_000);

  it("takes another API secret: tokens of the old one are refused, clients notice nothing", async () => {
    const client = await connectTo(fleet, "kept", LOGIN);
    await fleet.controlPlane.stop();
    await fleet.controlPlane.start({
      DATABASE_URL: urlOf("restored"),
      STREAM_TOKEN_KEY_PATH: keys("stream-token-2.pub.pem"),
      API_JWT_SECRET: "another-secret-of-more-than-32-bytes",
    });
    expect((await callApi(fleet, "GET", "/api/tenants/kept")).status).toBe(401);
    expect((await client.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    await client.end();
  }, 60_000);
});
