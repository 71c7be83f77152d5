import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { DebianPostgres, replicationTools } from "../../support/debian-postgres.js";
import { connectAt, failureOf } from "../../support/edge-client.js";
import { eventually } from "../../support/eventually.js";
import { startup } from "../../support/protocol.js";
import { RawClient } from "../../support/raw-client.js";
import { Edge, type EdgeTenant, tenantOn } from "../login/edge.js";

const tools = replicationTools();

describe.skipIf(tools === undefined)(
  "replication through the session port (needs Debian's postgresql)",
  () => {
    let database: DebianPostgres;
    let edge: Edge;
    let folder: string;
    const running: ChildProcess[] = [];

    beforeAll(async () => {
      database = await DebianPostgres.start(tools ?? "");
      edge = await Edge.start();
      folder = mkdtempSync(join(tmpdir(), "sluice-replication-"));
      await put("r");
    });
    afterEach(() => {
      for (const child of running.splice(0)) child.kill("SIGKILL");
    });
    afterAll(async () => {
      await edge?.stop();
      await database?.remove();
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    });

    const put = (id: string, change: Partial<EdgeTenant> = {}): Promise<void> =>
      edge.put(id, tenantOn(database, change));
    const at = (port: number, id = "r", database = ""): string[] => [
      "-d",
      `host=127.0.0.1 port=${port} user=postgres.${id} password=postgres${database === "" ? "" : ` dbname=${database}`}`,
    ];
    const run = (tool: string, args: readonly string[]) =>
      promisify(execFile)(join(database.tools, tool), [...args], { timeout: 50_000 });
    const start = (
      tool: string,
      args: readonly string[],
    ): { child: ChildProcess; ended: Promise<string> } => {
      const child = spawn(join(database.tools, tool), [...args], { stdio: ["ignore", "ignore", "pipe"] });
      running.push(child);
      let told = "";
      child.stderr.on("data", (text: Buffer) => {
        told += text.toString();
      });
      return { child, ended: new Promise((resolve) => child.once("close", () => resolve(told))) };
    };
    const senders = async (): Promise<number> =>
      (await database.run("select 1 from pg_stat_replication")).length;

    it("carries pg_basebackup, with its log streamed beside it on a second connection", async () => {
      const target = join(folder, "base");
      await database.run("create table in_the_backup as select generate_series(1, 100000) as n");
      await run("pg_basebackup", [...at(edge.sessionPort), "-D", target, "-X", "stream", "-c", "fast"]);
      expect(existsSync(join(target, "backup_label"))).toBe(true);
      expect(readdirSync(join(target, "pg_wal")).length).toBeGreaterThan(0);
      await eventually("its servers are gone", async () => (await senders()) === 0);
    });

    it("carries pg_receivewal from a slot, and its server ends with it", async () => {
      const target = mkdtempSync(join(folder, "wal-"));
      await run("pg_receivewal", [...at(edge.sessionPort), "--create-slot", "-S", "received"]);
      const { child, ended } = start("pg_receivewal", [
        ...at(edge.sessionPort),
        "-D",
        target,
        "-S",
        "received",
        "--no-loop",
      ]);
      await eventually("it streams", async () => (await senders()) === 1, { timeoutMs: 15_000 });
      await eventually(
        "a segment is there",
        async () => {
          await database.run("select txid_current()");
          await database.run("select pg_switch_wal()");
          return readdirSync(target).some((name) => /^[0-9A-F]{24}$/.test(name));
        },
        { timeoutMs: 15_000, everyMs: 200 },
      );
      child.kill("SIGINT");
      await ended;
      await eventually("its server is gone", async () => (await senders()) === 0);
      await run("pg_receivewal", [...at(edge.sessionPort), "--drop-slot", "-S", "received"]);
    });

    it("carries logical changes (replication=database)", async () => {
      await database.run("create table watched (n int primary key)");
      await run("pg_recvlogical", [
        ...at(edge.sessionPort, "r", "postgres"),
        "--create-slot",
        "-S",
        "logical",
        "-P",
        "test_decoding",
      ]);
      const file = join(folder, "changes");
      const { child, ended } = start("pg_recvlogical", [
        ...at(edge.sessionPort, "r", "postgres"),
        ...["--start", "-S", "logical", "-f", file, "-F", "0", "--no-loop"],
      ]);
      await eventually("it streams", async () => (await senders()) === 1, { timeoutMs: 15_000 });
      await database.run("insert into watched select generate_series(1, 500)");
      await eventually("every row came", () => readFileSync(file, "utf8").split("INSERT:").length === 501, {
        timeoutMs: 15_000,
      });
      child.kill("SIGINT");
      await ended;
      await run("pg_recvlogical", [...at(edge.sessionPort, "r", "postgres"), "--drop-slot", "-S", "logical"]);
    });

    it("gives each a server of its own, which counts against max_server_connections", async () => {
      await put("bounded", {
        maxServerConnections: 2,
        users: [{ name: "postgres", password: "postgres", checkoutTimeoutMs: 500, poolSize: 5 }],
      });
      const login = { user: "postgres.bounded", database: "postgres", replication: "database" };
      const one = await RawClient.connect(edge.sessionPort);
      const { parameters } = await one.logIn(login, database);
      expect(parameters.get("server_version")).toBeDefined();
      const pooled = await connectAt(edge.sessionPort, { user: "postgres.bounded", password: "postgres" });
      await pooled.query("select 1");
      const refused = await RawClient.connect(edge.sessionPort);
      expect(await failureOf(refused.logIn(login, database))).toMatchObject({
        message: expect.stringContaining("ECHECKOUTTIMEOUT"),
      });
      one.close();
      const again = await eventually(
        "its place is free",
        async () => {
          const client = await RawClient.connect(edge.sessionPort);
          await client.logIn(login, database);
          return client;
        },
        { timeoutMs: 10_000 },
      );
      again.close();
      await pooled.end();
    });

    it("tells what the server says to a role that may not, and that transaction mode has none", async () => {
      await database.run("create role plain login password 'plain'");
      await put("plain", { users: [{ name: "plain", password: "plain" }] });
      const client = await RawClient.connect(edge.sessionPort);
      const failure = await failureOf(
        client.logIn(
          { user: "plain.plain", database: "postgres", replication: "database" },
          { password: "plain" },
        ),
      );
      expect(failure.message).toContain("must be superuser or replication role");
      const wrong = await RawClient.connect(edge.port);
      wrong.send(startup({ user: "postgres.r", database: "postgres", replication: "true" }));
      expect(await wrong.refusal()).toMatchObject({ C: "0A000", H: expect.stringContaining("session mode") });
    });

    it("ends with 57P01 when its tenant is deleted or the data plane stops", async () => {
      const own = await Edge.start();
      await own.put("r", tenantOn(database));
      await run("pg_receivewal", [...at(own.sessionPort), "--create-slot", "-S", "drained"]);
      const target = mkdtempSync(join(folder, "wal-"));
      const { ended } = start("pg_receivewal", [
        ...at(own.sessionPort),
        "-D",
        target,
        "-S",
        "drained",
        "--no-loop",
      ]);
      await eventually("it streams", async () => (await senders()) === 1, { timeoutMs: 15_000 });
      await own.stop();
      expect(await ended).toMatch(/administrator command|closed the connection|terminated/);
      await eventually("its server is gone", async () => (await senders()) === 0);
      await database.run("select pg_drop_replication_slot('drained')");
    });
  },
);
