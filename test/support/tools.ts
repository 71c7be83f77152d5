import { spawn } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";

export type Tool = "psql" | "pgbench" | "pg_dump" | "haproxy";

export interface ToolOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Default: 30 s; then it is killed and the promise rejects. */
  readonly timeoutMs?: number;
}

export interface ToolOutcome {
  /** `null` when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const DEBIAN = "/usr/lib/postgresql";
const PACKAGES: Readonly<Record<Tool, string>> = {
  psql: "postgresql",
  pgbench: "postgresql",
  pg_dump: "postgresql",
  haproxy: "haproxy",
};

function runnable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Where the tool is. Debian's folders come first: the one in PATH is a wrapper that has opinions about clusters.
 * @throws when the machine has none.
 */
export function findTool(tool: Tool): string {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(DEBIAN, version, "bin")),
    ...(process.env.PATH ?? "").split(delimiter),
    "/usr/sbin",
  ];
  const found = folders.map((folder) => join(folder, tool)).find(runnable);
  if (found === undefined)
    throw new Error(`${tool} is not installed (Debian: apt-get install ${PACKAGES[tool]})`);
  return found;
}

/** For tests that are skipped then. */
export function missing(tool: Tool): boolean {
  try {
    findTool(tool);
    return false;
  } catch {
    return true;
  }
}

/** Runs psql or pgbench to its end. Settings of the user's own (PG* variables, .psqlrc, .pgpass) stay out. */
export function runTool(
  tool: Tool,
  args: readonly string[],
  { env = {}, input = "", timeoutMs = 30_000 }: ToolOptions = {},
): Promise<ToolOutcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(findTool(tool), args, {
      env: {
        PATH: process.env.PATH ?? "",
        HOME: "/nonexistent",
        LC_ALL: "C.UTF-8",
        PSQLRC: "/dev/null",
        ...env,
      },
      stdio: ["pipe", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, timeoutMs);
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    // A tool that ends before it has read everything closes the pipe.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
    child.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once("close", (code) => {
      clearTimeout(timer);
      if (late) reject(new Error(`${tool} did not end within ${timeoutMs} ms: ${stderr}`));
      else resolve({ code, stdout, stderr });
    });
  });
}

/** One command through psql, unaligned and without headings. */
export function psql(url: string, command: string, options?: ToolOptions): Promise<ToolOutcome> {
  return runTool("psql", ["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", command], options);
}
