import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Deadline, systemClock, within } from "@sluice/shared/time";
import type { Variables } from "./plane-environment.js";
import { workspace } from "./workspace.js";

export type Ports = Readonly<Record<string, number>>;

export interface PlaneProcessOptions {
  readonly name: string;
  /** From the checkout's top folder. */
  readonly main: string;
  readonly environment: Variables;
  /** What it is started by: a command that becomes the process that is named behind it. */
  readonly startedBy?: readonly string[];
  /** Each line that it writes, on either channel. */
  readonly onLine: (line: string) => void;
  readonly readyTimeoutMs?: number;
  /** Ends a start that is under way. */
  readonly signal?: AbortSignal;
}

const REMEMBERED_LINES = 20;

function portsOf(message: unknown): Ports | undefined {
  if (typeof message !== "object" || message === null) return undefined;
  if (!("type" in message) || message.type !== "ready") return undefined;
  if (!("ports" in message) || typeof message.ports !== "object" || message.ports === null) return {};
  return Object.fromEntries(
    Object.entries(message.ports).filter((entry): entry is [string, number] => typeof entry[1] === "number"),
  );
}

function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(new Error("interrupted")), { once: true });
  });
}

/** One run of one plane. It holds the plane's IPC channel: should this process vanish, the plane ends by itself. */
export class PlaneProcess {
  readonly name: string;
  readonly ports: Ports;
  readonly #child: ChildProcess;
  readonly #exited: Promise<string>;

  private constructor(name: string, ports: Ports, child: ChildProcess, exited: Promise<string>) {
    this.name = name;
    this.ports = ports;
    this.#child = child;
    this.#exited = exited;
  }

  /** @throws with the plane's last lines when it ends before it is ready, or is not ready in time. */
  static async start(options: PlaneProcessOptions): Promise<PlaneProcess> {
    const command = [...(options.startedBy ?? []), process.execPath, join(workspace, options.main)];
    const child = spawn(command[0] ?? "", command.slice(1), {
      cwd: workspace,
      env: { ...process.env, ...options.environment },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    const last: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on("line", (line) => {
        last.push(line);
        if (last.length > REMEMBERED_LINES) last.shift();
        options.onLine(line);
      });
    }
    const exited = new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    // The last lines may still be on their way when the process has ended.
    const silent = new Promise<void>((resolve) => {
      child.once("close", () => resolve());
      child.once("error", () => resolve());
    });
    const ready = new Promise<Ports>((resolve) => {
      child.on("message", (message) => {
        const ports = portsOf(message);
        if (ports !== undefined) resolve(ports);
      });
    });
    try {
      const ports = await within(
        Deadline.after(systemClock, options.readyTimeoutMs ?? 30_000),
        "ready",
        Promise.race([
          ready,
          exited.then((how) => {
            throw new Error(how);
          }),
          aborted(options.signal),
        ]),
      );
      return new PlaneProcess(options.name, ports, child, exited);
    } catch (error) {
      child.kill("SIGKILL");
      await within(Deadline.after(systemClock, 1000), "last lines", silent).catch(() => undefined);
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`${options.name} did not start (${why})\n${last.join("\n")}`);
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** How it ended: a signal or an exit code. Pending while it runs. */
  get exited(): Promise<string> {
    return this.#exited;
  }

  /** Asks it to end, and kills it when it has not after `timeoutMs`. Resolves when it is gone. */
  async stop(timeoutMs: number): Promise<void> {
    if (this.running) this.#child.kill("SIGTERM");
    try {
      await within(Deadline.after(systemClock, timeoutMs), `${this.name} ends`, this.#exited);
    } catch {
      await this.kill();
    }
  }

  /** As `kill -9` does. Resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.running) this.#child.kill("SIGKILL");
    await this.#exited;
  }
}
