import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, chownSync, closeSync, copyFileSync, existsSync, openSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Account, serverAccount } from "./account.js";
import { answersLogins } from "./answers.js";
import { findBinaries } from "./binaries.js";
import { freePort, isPortFree } from "./free-port.js";
import { holdsWithin } from "./holds-within.js";
import { initialize } from "./initialize.js";
import { PortTaken } from "./port-taken.js";
import { PostgresFailure } from "./postgres-failure.js";
import { findPostmaster, isPostmaster, type Postmaster, stopPostmaster } from "./postmaster.js";
import { canWalkTo } from "./reach.js";
import { refugeFor } from "./refuge.js";
import { serverEnvironment } from "./server-environment.js";

export interface EmbeddedPostgresOptions {
  /** Where the data should lie. It lies elsewhere when the server's account cannot get there: see `folder`. */
  readonly folder: string;
  /** On 127.0.0.1; 0 takes a free one. */
  readonly port: number;
  /** The superuser's, set when the folder is made. Default: `postgres`. */
  readonly password?: string;
  /** Off only for data that nobody will miss. Default: on. */
  readonly fsync?: boolean;
  readonly maxConnections?: number;
  /** PEM files; they are copied into the data folder with the owner and mode that Postgres insists on. */
  readonly tls?: { readonly certPath: string; readonly keyPath: string };
  /** What to do with a server that already runs on this folder. Default: `stop`, and start a fresh one. */
  readonly leftover?: "adopt" | "stop";
  /** Told what differs from what was asked for, in words for a terminal. */
  readonly report?: (line: string) => void;
  /** For the first answer to a login; recovery after a crash counts too. Default: 60 s. */
  readonly startTimeoutMs?: number;
  /** Before the next harder signal. Default: 4 s. */
  readonly stopStepMs?: number;
}

const USER = "postgres";
const LOG_FILE = "server.log";

/** Where the data of an embedded Postgres really lies, given where it was asked for. */
export function dataFolder(wanted: string): string {
  const folder = resolve(wanted);
  const account = serverAccount(folder);
  if (account === undefined || canWalkTo(folder, account)) return folder;
  return join(refugeFor(folder, account), "data");
}

/** One real Postgres server below this process. It listens on 127.0.0.1 only, asks for SCRAM-SHA-256, has no socket file. */
export class EmbeddedPostgres {
  readonly host = "127.0.0.1";
  readonly user = USER;
  readonly port: number;
  readonly password: string;
  /** Where the data lies. */
  readonly folder: string;
  /** Whether it ran already and was taken over. */
  readonly adopted: boolean;
  readonly #postmaster: Postmaster;
  readonly #child: ChildProcess | undefined;
  readonly #stopStepMs: number;

  private constructor(postmaster: Postmaster, options: EmbeddedPostgresOptions, child?: ChildProcess) {
    this.port = postmaster.port;
    this.folder = postmaster.folder;
    this.password = options.password ?? "postgres";
    this.adopted = child === undefined;
    this.#postmaster = postmaster;
    this.#child = child;
    this.#stopStepMs = options.stopStepMs ?? 4000;
  }

  /**
   * Makes the data folder when there is none, starts the server and waits until it takes logins.
   * @throws PortTaken, PostgresFailure
   */
  static async start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
    const report = options.report ?? (() => undefined);
    const wanted = resolve(options.folder);
    const folder = dataFolder(wanted);
    if (folder !== wanted) report(`the data lies in ${folder}: the server's account cannot enter ${wanted}`);

    const leftover = findPostmaster(folder);
    if (leftover !== undefined) {
      const mayAdopt = options.leftover === "adopt" && (options.port === 0 || options.port === leftover.port);
      if (mayAdopt && (await answersLogins(leftover.port, USER))) {
        return new EmbeddedPostgres(leftover, options);
      }
      report(`stopping the server that an earlier run left behind (pid ${leftover.pid})`);
      await stopPostmaster(leftover, options.stopStepMs ?? 4000);
    }

    const port = options.port === 0 ? await freePort() : options.port;
    if (!(await isPortFree(port))) throw new PortTaken(port);

    const account = serverAccount(folder);
    const binaries = findBinaries(account);
    if (binaries.copiedTo !== undefined) report(`the server's programs were copied to ${binaries.copiedTo}`);
    const { password = "postgres", fsync = true } = options;
    await initialize({ initdb: binaries.initdb, folder, account, user: USER, password, fsync });

    const child = launch(binaries.postgres, serverArguments(folder, port, account, options), folder, account);
    const postmaster = { pid: child.pid ?? 0, port, folder };
    await waitUntilReady(child, postmaster, options.startTimeoutMs ?? 60_000);
    return new EmbeddedPostgres(postmaster, options, child);
  }

  get pid(): number {
    return this.#postmaster.pid;
  }

  get running(): boolean {
    return isPostmaster(this.#postmaster.pid, this.folder);
  }

  url(database = "postgres"): string {
    return `postgresql://${this.user}:${encodeURIComponent(this.password)}@${this.host}:${this.port}/${database}`;
  }

  /** Called once when the server ends, asked to or not. Not for an adopted one, which is no child of ours. */
  onExit(call: () => void): void {
    this.#child?.once("exit", call);
  }

  /** Ends all sessions, shuts down, and waits until the process is gone. Stopping twice is harmless. */
  async stop(): Promise<void> {
    await stopPostmaster(this.#postmaster, this.#stopStepMs);
  }
}

function serverArguments(
  folder: string,
  port: number,
  account: Account | undefined,
  options: EmbeddedPostgresOptions,
): readonly string[] {
  const settings: Record<string, string | number> = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    password_encryption: "scram-sha-256",
  };
  if (options.maxConnections !== undefined) settings.max_connections = options.maxConnections;
  if (options.fsync === false) {
    Object.assign(settings, { fsync: "off", synchronous_commit: "off", full_page_writes: "off" });
  }
  if (options.tls !== undefined) {
    settings.ssl = "on";
    settings.ssl_cert_file = own(options.tls.certPath, join(folder, "server.crt"), account);
    settings.ssl_key_file = own(options.tls.keyPath, join(folder, "server.key"), account);
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  return ["-D", folder, "-p", String(port), ...flags];
}

function own(from: string, to: string, account: Account | undefined): string {
  copyFileSync(from, to);
  chmodSync(to, 0o600);
  if (account !== undefined) chownSync(to, account.uid, account.gid);
  return to;
}

/**
 * In a session of its own, so that a terminal's Ctrl-C does not reach it before those who still need it have ended,
 * and with a file for its log, so that it does not hang on a pipe of ours.
 */
function launch(
  postgres: string,
  flags: readonly string[],
  folder: string,
  account: Account | undefined,
): ChildProcess {
  const log = openSync(join(folder, LOG_FILE), "w", 0o600);
  try {
    const child = spawn(postgres, flags, {
      ...account,
      cwd: "/",
      env: serverEnvironment(),
      detached: true,
      stdio: ["ignore", log, log],
    });
    // Without a listener a failed spawn would end this process; waitUntilReady sees that nothing runs.
    child.once("error", () => undefined);
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

async function waitUntilReady(child: ChildProcess, postmaster: Postmaster, timeoutMs: number): Promise<void> {
  const ended = (): boolean =>
    child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
  const settled = await holdsWithin(
    timeoutMs,
    async () => ended() || (await answersLogins(postmaster.port, USER)),
  );
  if (settled && !ended()) return;
  const log = join(postmaster.folder, LOG_FILE);
  const last = existsSync(log) ? readFileSync(log, "utf8").trim().split("\n").slice(-5).join("\n") : "";
  if (ended()) {
    if (/could not bind .*Address already in use/.test(last)) throw new PortTaken(postmaster.port);
    throw new PostgresFailure("the server ended while it was starting", last);
  }
  await stopPostmaster(postmaster, 1000);
  throw new PostgresFailure(`no answer within ${timeoutMs} ms`, last);
}
