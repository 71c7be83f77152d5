import { execFile } from "node:child_process";
import { join } from "node:path";

/** Compiled: `make test` builds first. */
const COMMANDS = join(import.meta.dirname, "../../control-plane/dist/commands");
const TIMEOUT_MS = 60_000;

export interface CommandOutcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command of the control plane as an operator would, with this environment and no other. */
export function runCommand(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<CommandOutcome> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(COMMANDS, `${name}.js`), ...args],
      { timeout: TIMEOUT_MS, env: { PATH: process.env.PATH ?? "", ...env } },
      (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err }),
    );
  });
}
