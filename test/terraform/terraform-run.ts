import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, it } from "vitest";

export interface RunOutcome {
  /** Null when a signal ended it. */
  readonly code: number | null;
  /** Both channels, as a terminal would show them. */
  readonly output: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Default: 60 s; then its whole process group is killed and the promise rejects. */
  readonly timeoutMs?: number;
  /** Is told what was written so far, and the process id, which is that of its group too. */
  readonly onOutput?: (output: string, pid: number) => void;
}

/** Undefined on a machine without Terraform. */
export const terraformPath = (process.env.PATH ?? "")
  .split(delimiter)
  .map((folder) => join(folder, "terraform"))
  .find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** Tests that drive the real terraform; on a machine without it they are skipped, and say why. */
export function describeTerraform(title: string, tests: () => void): void {
  if (terraformPath !== undefined) {
    describe(title, tests);
    return;
  }
  describe(title, () => {
    it("needs terraform", ({ skip }) => skip("terraform is not in PATH"));
  });
}

/** One command of terraform, in a process group of its own, as a terminal would start it. */
export function runTerraform(args: readonly string[], options: RunOptions): Promise<RunOutcome> {
  const { cwd, env, timeoutMs = 60_000, onOutput } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(terraformPath ?? "terraform", args, {
      cwd,
      env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const pid = child.pid ?? 0;
    let output = "";
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      process.kill(-pid, "SIGKILL");
    }, timeoutMs);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        onOutput?.(output, pid);
      });
    }
    child.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once("close", (code) => {
      clearTimeout(timer);
      if (late) reject(new Error(`terraform ${args.join(" ")}: not within ${timeoutMs} ms\n${output}`));
      else resolve({ code, output });
    });
  });
}
