import { parseArgs } from "node:util";
import { messageOf } from "@sluice/shared/errors";

/** Bad input: its message is all that the operator needs. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The values of `--name value` options; each may come several times. */
export class Options {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  /** None or several. */
  any(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** At least one. */
  all(name: string): readonly string[] {
    const values = this.any(name);
    if (values.length === 0) throw new UsageError(`--${name} is missing`);
    return values;
  }

  one(name: string): string {
    const value = this.optional(name);
    if (value === undefined) throw new UsageError(`--${name} is missing`);
    return value;
  }

  optional(name: string): string | undefined {
    const values = this.#values.get(name) ?? [];
    if (values.length > 1) throw new UsageError(`--${name} may be given once`);
    return values[0];
  }

  wholeNumber(name: string, least: number, most: number): number {
    const text = this.one(name);
    const number = Number(text);
    if (!/^\d+$/.test(text) || number < least || number > most) {
      throw new UsageError(`--${name} must be a whole number from ${least} to ${most}, not ${text}`);
    }
    return number;
  }
}

export interface Command {
  readonly usage: string;
  readonly options: readonly string[];
  /** What it prints when done. */
  run(options: Options): Promise<string>;
}

/** Runs the command of this process: exit code 0, 2 for bad input, 1 for everything else. */
export async function runCommand(command: Command): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(`${command.usage}\n`);
    return;
  }
  try {
    process.stdout.write(`${await command.run(readOptions(args, command.options))}\n`);
  } catch (error) {
    const usage = error instanceof UsageError;
    process.stderr.write(`${messageOf(error)}\n${usage ? `\n${command.usage}\n` : ""}`);
    process.exitCode = usage ? 2 : 1;
  }
}

/** @throws UsageError */
export function readOptions(args: readonly string[], names: readonly string[]): Options {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: Object.fromEntries(
        names.map((name) => [name, { type: "string" as const, multiple: true as const }]),
      ),
      strict: true,
      allowPositionals: false,
    });
    const read = new Map<string, readonly string[]>();
    for (const [name, value] of Object.entries(values)) {
      if (Array.isArray(value)) read.set(name, value.map(String));
    }
    return new Options(read);
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}
