import { writeFileSync } from "node:fs";
import { type ParseArgsConfig, parseArgs } from "node:util";
import { messageOf } from "@sluice/shared/errors";

/** What somebody typed cannot be used: exit code 2, and how it should be. */
export class UsageError extends Error {}

type Options = NonNullable<ParseArgsConfig["options"]>;

export interface CommandLine {
  /** @throws UsageError */
  one(name: string): string;
  optional(name: string): string | undefined;
  /** @throws UsageError when there is none */
  many(name: string): readonly string[];
  /** A whole number above 0. @throws UsageError */
  count(name: string): number;
}

/** Parses, runs, and turns what is thrown into a message and an exit code. */
export function runCommand(usage: string, options: Options, run: (line: CommandLine) => Promise<void>): void {
  start(usage, options, run).catch((error: unknown) => {
    console.error(messageOf(error));
    if (error instanceof UsageError) console.error(usage);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  });
}

async function start(usage: string, options: Options, run: (line: CommandLine) => Promise<void>): Promise<void> {
  let values: Record<string, unknown>;
  try {
    ({ values } = parseArgs({ options: { ...options, help: { type: "boolean" } }, strict: true }));
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
  if (values["help"] === true) {
    console.log(usage);
    return;
  }
  const many = (name: string): readonly string[] => {
    const value = values[name];
    const list = (Array.isArray(value) ? value : [value]).filter((item): item is string => typeof item === "string" && item !== "");
    if (list.length === 0) throw new UsageError(`--${name} is missing`);
    return list;
  };
  const one = (name: string): string => many(name).at(-1) ?? "";
  await run({
    many,
    one,
    optional: (name) => (typeof values[name] === "string" ? values[name] : undefined),
    count: (name) => {
      const number = Number(one(name));
      if (!Number.isSafeInteger(number) || number < 1) throw new UsageError(`--${name} must be a whole number above 0`);
      return number;
    },
  });
}

/** Never over a file that is there: a key that is lost is lost. */
export function writeNewFile(path: string, content: string | Uint8Array, mode: number): void {
  writeFileSync(path, content, { mode, flag: "wx" });
}
