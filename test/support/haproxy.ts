import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@sluice/shared/postgres";
import { eventually } from "./eventually.js";
import { findTool } from "./tools.js";

export interface HaProxyOptions {
  /** Ports of this machine; connections go to them in turn. */
  readonly servers: readonly number[];
  /** Which version of the PROXY header goes in front of each connection; undefined: none. */
  readonly sendProxy?: 1 | 2;
  /** Asks each server for HTTP 204 now and again, and leaves out those that do not answer so. */
  readonly probes?: boolean;
  /** Asks `/readyz` on these ports instead, one for each server; who is refused by one server goes to another. */
  readonly readinessPorts?: readonly number[];
}

const STOP_TIMEOUT_MS = 5000;

/** A HAProxy of our own, as it stands in front of data planes. Tests skip where `missing("haproxy")`. */
export class HaProxy {
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #lines: string[];

  private constructor(port: number, child: ChildProcess, folder: string, lines: string[]) {
    this.port = port;
    this.#process = child;
    this.#folder = folder;
    this.#lines = lines;
  }

  static async start(options: HaProxyOptions): Promise<HaProxy> {
    const folder = mkdtempSync(join(tmpdir(), "sluice-haproxy-"));
    const port = await freePort();
    const path = join(folder, "haproxy.cfg");
    writeFileSync(path, configuration(port, options));
    const child = spawn(findTool("haproxy"), ["-db", "-f", path], { stdio: ["ignore", "pipe", "pipe"] });
    const lines: string[] = [];
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => lines.push(text));
    child.once("error", (error) => lines.push(String(error)));
    const proxy = new HaProxy(port, child, folder, lines);
    try {
      await eventually("HAProxy listens", () => {
        if (child.exitCode !== null) throw new Error(`HAProxy ended: ${proxy.log}`);
        return reachable(port);
      });
      return proxy;
    } catch (error) {
      await proxy.stop();
      throw error;
    }
  }

  get log(): string {
    return this.#lines.join("");
  }

  /** All its connections end with it. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      const late = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
      child.kill("SIGTERM");
      await ended;
      clearTimeout(late);
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function configuration(
  port: number,
  { servers, sendProxy, probes = false, readinessPorts }: HaProxyOptions,
): string {
  const header = { 1: " send-proxy", 2: " send-proxy-v2", none: "" }[sendProxy ?? "none"];
  const asked = readinessPorts === undefined ? "GET / 204" : "GET /readyz 200";
  const [method, path, status] = asked.split(" ");
  const checkOf = (at: number): string => {
    // Patient: a machine that is busy with something else is no server that is down.
    if (readinessPorts === undefined) return probes ? " check inter 1s fall 20" : "";
    return ` check port ${readinessPorts[at]} inter 200ms fall 2 rise 1`;
  };
  return `global
  maxconn 4000
defaults
  mode tcp
  timeout connect 5s
  timeout check 5s
  timeout client 1h
  timeout server 1h
  timeout check 20s
frontend clients
  bind 127.0.0.1:${port}
  default_backend planes
backend planes
  balance roundrobin
  option redispatch
${probes || readinessPorts ? `  option httpchk ${method} ${path}\n  http-check expect status ${status}\n` : ""}${servers
  .map((server, at) => `  server plane${at} 127.0.0.1:${server}${header}${checkOf(at)}`)
  .join("\n")}
`;
}

function reachable(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
