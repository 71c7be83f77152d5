import { execFile, spawn } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "@sluice/shared/postgres";
import pg from "pg";
import { eventually } from "./eventually.js";
import type { PostgresCluster } from "./postgres-cluster.js";

const DEBIAN = "/usr/lib/postgresql";
const NEEDED = ["initdb", "postgres", "pg_basebackup", "pg_receivewal", "pg_recvlogical"];
const NOBODY = { uid: 65_534, gid: 65_534 };

/**
 * Where a server lies together with the tools of replication, which only speak to servers that are not newer than they
 * are. Undefined where none is installed (Debian: postgresql).
 */
export function replicationTools(): string | undefined {
  if (!existsSync(DEBIAN)) return undefined;
  const versions = readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a));
  return versions
    .map((version) => join(DEBIAN, version, "bin"))
    .find((folder) => NEEDED.every((tool) => existsSync(join(folder, tool))));
}

/** The system's own Postgres, in a folder of the test's, ready for replication. */
export class DebianPostgres implements PostgresCluster {
  readonly host = "127.0.0.1";
  readonly user = "postgres";
  readonly password = "postgres";
  readonly port: number;
  readonly tools: string;
  readonly #folder: string;
  readonly #stop: () => Promise<void>;

  private constructor(port: number, tools: string, folder: string, stop: () => Promise<void>) {
    this.port = port;
    this.tools = tools;
    this.#folder = folder;
    this.#stop = stop;
  }

  static async start(tools: string): Promise<DebianPostgres> {
    const folder = mkdtempSync("/tmp/sluice-test-debian-postgres-");
    chmodSync(folder, 0o711);
    const account: Partial<typeof NOBODY> = process.getuid?.() === 0 ? NOBODY : {};
    const data = join(folder, "data");
    const secret = join(folder, "secret");
    mkdirSync(data, { mode: 0o700 });
    writeFileSync(secret, "postgres\n");
    if (process.getuid?.() === 0) for (const path of [data, secret]) chownSync(path, NOBODY.uid, NOBODY.gid);
    const options = { ...account, cwd: "/", env: { PATH: process.env.PATH ?? "", LC_ALL: "C" } };
    await promisify(execFile)(
      join(tools, "initdb"),
      [
        "-D",
        data,
        "-U",
        "postgres",
        `--pwfile=${secret}`,
        "--auth=scram-sha-256",
        "--no-sync",
        "--encoding=UTF8",
      ],
      { ...options, timeout: 60_000 },
    );
    appendFileSync(join(data, "pg_hba.conf"), "host replication all 127.0.0.1/32 scram-sha-256\n");
    const port = await freePort();
    const settings = {
      listen_addresses: "127.0.0.1",
      unix_socket_directories: "",
      fsync: "off",
      wal_level: "logical",
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const child = spawn(join(tools, "postgres"), ["-D", data, "-p", String(port), ...flags], {
      ...options,
      stdio: "ignore",
    });
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    const server = new DebianPostgres(port, tools, folder, async () => {
      child.kill("SIGQUIT");
      await ended;
    });
    await eventually("it answers", async () => (await server.run("select 1")).length === 1, {
      timeoutMs: 30_000,
    });
    return server;
  }

  async run<T extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []): Promise<T[]> {
    const { host, port, user, password } = this;
    const client = new pg.Client({ host, port, user, password, database: "postgres" });
    await client.connect();
    try {
      return (await client.query<T>(sql, [...values])).rows;
    } finally {
      await client.end();
    }
  }

  async remove(): Promise<void> {
    await this.#stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
