import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { EmbeddedPostgres, findPostmaster, freePort, PortTaken } from "@sluice/shared/postgres";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../../support/eventually.js";

let root: string;
let folder: string;
const started: EmbeddedPostgres[] = [];
const processes: ChildProcess[] = [];

beforeEach(() => {
  root = mkdtempSync("/tmp/sluice-supervisor-");
  chmodSync(root, 0o711);
  folder = join(root, "open", "data");
});

afterEach(async () => {
  for (const child of processes.splice(0)) child.kill("SIGKILL");
  for (const postgres of started.splice(0)) {
    await postgres.stop();
    remove(postgres.folder);
  }
  remove(root);
});

/** Children of a postmaster that had to be killed write for a moment longer than it lives. */
function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}

async function start(
  options: Partial<Parameters<typeof EmbeddedPostgres.start>[0]> = {},
): Promise<EmbeddedPostgres> {
  const postgres = await EmbeddedPostgres.start({ folder, port: 0, fsync: false, ...options });
  started.push(postgres);
  return postgres;
}

async function query(postgres: { url(): string }, sql: string): Promise<readonly unknown[][]> {
  const client = new pg.Client({ connectionString: postgres.url() });
  // A server that is killed under a client tells it so.
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query<unknown[]>({ text: sql, rowMode: "array" })).rows;
  } finally {
    await client.end();
  }
}

/** A server whose supervisor is a process of its own. */
async function startBelowAnotherProcess(): Promise<{ supervisor: ChildProcess; pid: number }> {
  const module = new URL("../../../shared/dist/postgres/index.js", import.meta.url).href;
  const script = `
    const { EmbeddedPostgres } = await import(${JSON.stringify(module)});
    const postgres = await EmbeddedPostgres.start({ folder: ${JSON.stringify(folder)}, port: 0, fsync: false });
    console.log(postgres.pid);
    setInterval(() => undefined, 60_000);`;
  const supervisor = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  processes.push(supervisor);
  let output = "";
  supervisor.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const pid = await eventually(
    "the server's pid",
    () => Number(/^\d+$/m.exec(output)?.[0] ?? "") || undefined,
    {
      timeoutMs: 20_000,
    },
  );
  return { supervisor, pid };
}

describe("the embedded Postgres", () => {
  test("takes SCRAM logins on loopback, refuses a wrong password, and has no socket file", async () => {
    const postgres = await start({ maxConnections: 37 });
    expect(await query(postgres, "SHOW max_connections")).toEqual([["37"]]);
    expect(await query(postgres, "SHOW server_encoding")).toEqual([["UTF8"]]);
    expect(await query(postgres, "SHOW listen_addresses")).toEqual([["127.0.0.1"]]);
    expect(await query(postgres, "SHOW unix_socket_directories")).toEqual([[""]]);
    expect(
      await query(postgres, "SELECT left(rolpassword, 13) FROM pg_authid WHERE rolname = 'postgres'"),
    ).toEqual([["SCRAM-SHA-256"]]);
    const wrong = new URL(postgres.url());
    wrong.password = "wrong";
    await expect(query({ url: () => wrong.href }, "SELECT 1")).rejects.toMatchObject({ code: "28P01" });
    expect(existsSync(`${postgres.folder}.password`)).toBe(false);
  });

  test("finds its data again after it was stopped", async () => {
    const first = await start();
    await query(first, "CREATE TABLE kept AS SELECT 42 AS answer");
    await first.stop();
    expect(first.running).toBe(false);
    const second = await start();
    expect(await query(second, "SELECT answer FROM kept")).toEqual([[42]]);
  });

  test("clears the server that a killed supervisor left behind, and finds its data", async () => {
    const { supervisor, pid } = await startBelowAnotherProcess();
    supervisor.kill("SIGKILL");
    await eventually("the supervisor's end", () => supervisor.signalCode !== null);
    expect(findPostmaster(folder)?.pid).toBe(pid);

    const second = await start();
    expect(second.adopted).toBe(false);
    expect(second.pid).not.toBe(pid);
    expect(await query(second, "SELECT 1")).toEqual([[1]]);
  });

  test("takes over the server that a killed supervisor left behind when asked to", async () => {
    const { supervisor, pid } = await startBelowAnotherProcess();
    supervisor.kill("SIGKILL");
    await eventually("the supervisor's end", () => supervisor.signalCode !== null);

    const second = await start({ leftover: "adopt" });
    expect(second.adopted).toBe(true);
    expect(second.pid).toBe(pid);
    expect(await query(second, "SELECT 1")).toEqual([[1]]);
    await second.stop();
    expect(second.running).toBe(false);
  });

  test("is not kept from starting by a lock file whose process is something else", async () => {
    const first = await start();
    await query(first, "CREATE TABLE kept AS SELECT 1 AS one");
    const lock = readFileSync(join(first.folder, "postmaster.pid"), "utf8");
    await first.stop();
    // The number of a live process that is no Postgres: this one.
    writeFileSync(join(first.folder, "postmaster.pid"), lock.replace(/^\d+/, String(process.pid)));
    const second = await start();
    expect(await query(second, "SELECT one FROM kept")).toEqual([[1]]);
  });

  test("names the port that somebody else holds", async () => {
    const port = await freePort();
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(port, "127.0.0.1", resolve));
    try {
      const refused = await start({ port }).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(PortTaken);
      expect(refused).toMatchObject({ port, clientMessage: `port ${port} on 127.0.0.1 is taken` });
    } finally {
      await new Promise((resolve) => holder.close(resolve));
    }
  });

  test("starts again after an initdb that was cut off", async () => {
    mkdirSync(`${folder}.initializing`, { recursive: true });
    writeFileSync(join(`${folder}.initializing`, "PG_VERSION"), "18\n");
    expect(await query(await start(), "SELECT 1")).toEqual([[1]]);
  });

  test.runIf(process.getuid?.() === 0)(
    "puts its data where its account can go when the folder is closed to others, and says where",
    async () => {
      mkdirSync(join(root, "open"), { mode: 0o700 });
      const said: string[] = [];
      const first = await start({ report: (line) => said.push(line) });
      expect(first.folder).toMatch(/^\/var\/tmp\/sluice-[0-9a-f]{16}\/data$/);
      expect(said.join("\n")).toContain(first.folder);
      expect(statSync(join(first.folder, "..")).mode & 0o777).toBe(0o700);
      await query(first, "CREATE TABLE kept AS SELECT 7 AS seven");
      await first.stop();
      expect(await query(await start(), "SELECT seven FROM kept")).toEqual([[7]]);
      rmSync(join(first.folder, ".."), { recursive: true, force: true });
    },
  );
});
