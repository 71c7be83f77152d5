import { execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { freePort } from "@sluice/shared/postgres";
import type { Pair } from "../../support/certificates.js";
import { eventually } from "../../support/eventually.js";
import { familyOf } from "../processes.js";
import type { Contestant, Course } from "./contestant.js";

/** It refuses to run as root. */
const NOBODY = 65_534;
const STOP_TIMEOUT_MS = 5000;

/** The binary that `PGBOUNCER` names, else Debian's. Undefined: there is none. */
export function findPgBouncer(): string | undefined {
  const named = process.env.PGBOUNCER;
  if (named !== undefined) return named;
  return ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"].find(existsSync);
}

/** PgBouncer in transaction mode, one process as it comes, clients by SCRAM as at ours. */
export async function startPgBouncer(binary: string, course: Course, pair: Pair): Promise<Contestant> {
  const folder = mkdtempSync("/tmp/sluice-bench-pgbouncer-");
  chmodSync(folder, 0o755);
  const port = await freePort();
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o644 });
    return path;
  };
  const preparesByName = knowsPreparedStatements(binary);
  const users = write("users.txt", `"${course.user}" "${course.verifier}"\n`);
  const settings = write(
    "pgbouncer.ini",
    [
      "[databases]",
      `${course.database} = host=${course.host} port=${course.port} dbname=${course.database}`,
      "[pgbouncer]",
      "listen_addr = 127.0.0.1",
      `listen_port = ${port}`,
      "unix_socket_dir =",
      "auth_type = scram-sha-256",
      `auth_file = ${users}`,
      "pool_mode = transaction",
      `default_pool_size = ${course.poolSize}`,
      `max_client_conn = ${course.maxClients}`,
      "ignore_startup_parameters = extra_float_digits",
      "client_tls_sslmode = allow",
      `client_tls_cert_file = ${write("cert.pem", pair.cert)}`,
      `client_tls_key_file = ${write("key.pem", pair.key)}`,
      ...(preparesByName ? ["max_prepared_statements = 200"] : []),
      "log_connections = 0",
      "log_disconnections = 0",
      "",
    ].join("\n"),
  );
  const child = spawn(binary, ["-q", settings], {
    stdio: "ignore",
    ...(process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}),
  });
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${binary} does not start`);
  await eventually("PgBouncer listens", () => answers(port));
  return {
    ...course,
    name: "pgbouncer",
    host: "127.0.0.1",
    port,
    preparesByName,
    pids: () => familyOf(pid),
    async stop() {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(late);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** In transaction mode from 1.21 on. */
function knowsPreparedStatements(binary: string): boolean {
  const version = execFileSync(binary, ["--version"], { encoding: "utf8" });
  const [, major = "0", minor = "0"] = /(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) > 1 || Number(minor) >= 21;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
