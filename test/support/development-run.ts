import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "@sluice/shared/postgres";
import { eventually } from "./eventually.js";

export const CHECKOUT = fileURLToPath(new URL("../..", import.meta.url));

/** The variables that move a fleet's ports, each on a port that was free a moment ago. */
export async function freePorts(): Promise<Record<PortVariable, string>> {
  const found = new Set<number>();
  while (found.size < PORT_VARIABLES.length) found.add(await freePort());
  const ports = [...found].map(String);
  return Object.fromEntries(PORT_VARIABLES.map((name, index) => [name, ports[index] ?? "0"])) as Record<
    PortVariable,
    string
  >;
}

export const PORT_VARIABLES = [
  "EMBEDDED_POSTGRES_PORT",
  "PORT",
  "STREAM_PORT",
  "PROXY_PORT_TRANSACTION",
  "PROXY_PORT_SESSION",
  "OPERATIONS_PORT",
  "CONSOLE_PORT",
] as const;
export type PortVariable = (typeof PORT_VARIABLES)[number];

/** Takes a port on loopback until it is closed. */
export function takePort(port: number): Promise<{ close(): Promise<void> }> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () =>
      resolve({ close: () => new Promise((done) => server.close(() => done())) }),
    );
  });
}

export function isRunning(pid: number): boolean {
  try {
    // What has ended and was not waited for yet is a zombie.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

export interface ProgramOptions {
  readonly uid?: number;
  readonly gid?: number;
  /** Of the checkout that is run. */
  readonly checkout?: string;
}

/** One run of a program of `infra/local`, in a process group of its own as a terminal gives it. */
export class ProgramRun {
  readonly #child: ChildProcess;
  #output = "";

  constructor(
    script: "dev.js" | "database.js",
    args: readonly string[],
    environment: Readonly<Record<string, string>>,
    { uid, gid, checkout = CHECKOUT }: ProgramOptions = {},
  ) {
    const child = spawn(process.execPath, [join(checkout, "infra/local/dist", script), ...args], {
      cwd: checkout,
      env: { PATH: process.env.PATH ?? "", HOME: "/nonexistent", ...environment },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
      });
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** All that was written so far, to either channel. */
  get output(): string {
    return this.#output;
  }

  /** Waits for a text on screen. Throws, with what is there, when the program ends without it. */
  async shows(text: string | RegExp, timeoutMs = 40_000): Promise<void> {
    const found = (): boolean =>
      typeof text === "string" ? this.#output.includes(text) : text.test(this.#output);
    await eventually(
      `${text} on screen`,
      () => found() || this.#child.exitCode !== null || this.#child.signalCode !== null,
      { timeoutMs },
    );
    if (!found()) throw new Error(`ended without ${text}:\n${this.#output}`);
  }

  /** Process ids by the name that the screen gives them. */
  get pids(): Readonly<Record<string, number>> {
    const found = this.#output.matchAll(/^ {2}(Postgres|control plane|data plane)\s+pid (\d+)/gm);
    return Object.fromEntries([...found].map(([, name = "", pid]) => [name, Number(pid)]));
  }

  /** To the program alone, or as a terminal's Ctrl-C does to its whole group. */
  signal(signal: NodeJS.Signals, to: "program" | "group" = "program"): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(to === "group" ? -this.#child.pid : this.#child.pid, signal);
    } catch {
      // It has ended.
    }
  }

  /** Its exit code, once it has ended; null after a signal. */
  async ended(timeoutMs = 20_000): Promise<number | null> {
    await eventually(
      `the end of pid ${this.pid}`,
      () => this.#child.exitCode !== null || this.#child.signalCode !== null,
      { timeoutMs },
    );
    return this.#child.exitCode;
  }
}
