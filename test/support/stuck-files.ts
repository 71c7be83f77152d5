import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Reporter, TestCase, TestModule } from "vitest/node";
import { familyOf } from "../benchmark/processes.js";

/** Longer than any hook or test may take. */
const SILENCE_MS = 180_000;
const LOOK_MS = 5000;
/** For the reports of busy processes to be written. */
const REPORT_MS = 2000;
/** Where a worker that is asked for a report writes it; from the checkout's top folder. */
const REPORT_FOLDER = "reports";
/** Of node, for workers. */
export const REPORT_ARGUMENTS = ["--report-on-signal", `--report-directory=${REPORT_FOLDER}`];

/**
 * A time-out of a test or hook needs a turn of the event loop, and a file that does not load has none at all: a run
 * could stand still for ever. Here a run that says nothing for three minutes tells what it was doing, and what the
 * worker waits for; the file fails, and the run goes on.
 */
export default class StuckFiles implements Reporter {
  readonly #doing = new Set<string>();
  #lastSignMs = performance.now();
  #timer: NodeJS.Timeout | undefined;

  onTestRunStart(): void {
    this.#sign();
    this.#timer = setInterval(() => {
      if (performance.now() - this.#lastSignMs > SILENCE_MS) void this.#end();
    }, LOOK_MS);
  }

  onTestRunEnd(): void {
    clearInterval(this.#timer);
  }

  onTestModuleQueued(module: TestModule): void {
    this.#sign();
    this.#doing.add(module.relativeModuleId);
  }

  onTestModuleEnd(module: TestModule): void {
    this.#sign();
    this.#doing.delete(module.relativeModuleId);
  }

  onTestCaseReady(test: TestCase): void {
    this.#sign();
    this.#doing.add(test.fullName);
  }

  onTestCaseResult(test: TestCase): void {
    this.#sign();
    this.#doing.delete(test.fullName);
  }

  #sign(): void {
    this.#lastSignMs = performance.now();
  }

  async #end(): Promise<void> {
    this.#sign();
    const workers = familyOf(process.pid).filter((pid) => commandOf(pid).includes("vitest/dist/workers/"));
    const doing = [...this.#doing].join(", ") || "no file";
    process.stderr.write(`\nnothing has happened for ${SILENCE_MS / 1000} s in: ${doing}; running are\n`);
    for (const pid of familyOf(process.pid)) process.stderr.write(`  ${pid} ${commandOf(pid)}\n`);
    for (const pid of workers) signal(pid, "SIGUSR2");
    await wait(REPORT_MS);
    for (const pid of workers) process.stderr.write(stackOf(pid));
    for (const pid of workers) signal(pid, "SIGKILL");
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

function signal(pid: number, name: "SIGUSR2" | "SIGKILL"): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended.
  }
}

/** What the process was doing, of a diagnostic report (nodejs.org, Diagnostic report). */
function stackOf(pid: number): string {
  try {
    const name = readdirSync(REPORT_FOLDER).find((file) => file.split(".").includes(String(pid)));
    if (name === undefined) throw new Error("there is none");
    const { javascriptStack, libuv } = JSON.parse(readFileSync(join(REPORT_FOLDER, name), "utf8"));
    const stack = [javascriptStack.message, ...(javascriptStack.stack ?? [])].join("\n  ");
    const active = libuv.filter((handle: { is_active?: boolean }) => handle.is_active === true);
    return `worker ${pid}: ${stack}\n  waits for ${active.map((handle: { type: string }) => handle.type).join(", ")}\n`;
  } catch (error) {
    // A report needs a turn of the event loop, too.
    return `worker ${pid} gives no report, so its JavaScript is busy: ${String(error)}\n`;
  }
}
