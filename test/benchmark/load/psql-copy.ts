import { spawn } from "node:child_process";
import { findTool } from "../../support/tools.js";
import type { Contestant } from "../contestants/contestant.js";

const BLOCK = Buffer.from(`${"x".repeat(1023)}\n`.repeat(64));
const TIMEOUT_MS = 120_000;

/** So many megabytes by psql's \copy, either way. @returns megabytes a second, the login apart as far as it is short */
export async function copyThrough(
  contestant: Contestant,
  direction: "in" | "out",
  megabytes: number,
): Promise<number> {
  const rows = megabytes * 1024;
  const command =
    direction === "out"
      ? `\\copy (SELECT repeat('x', 1023) FROM generate_series(1, ${rows})) TO PSTDOUT`
      : "BEGIN; CREATE TABLE sluice_bench_copy (text text); \\copy sluice_bench_copy FROM PSTDIN";
  const { host, port, user, password, database } = contestant;
  const commands = command.split("; ").flatMap((part) => ["-c", part]);
  const child = spawn(
    findTool("psql"),
    [
      "-X",
      "-q",
      "-v",
      "ON_ERROR_STOP=1",
      "-h",
      host,
      "-p",
      String(port),
      "-U",
      user,
      "-d",
      database,
      ...commands,
    ],
    {
      env: {
        PATH: process.env.PATH ?? "",
        HOME: "/nonexistent",
        PGPASSWORD: password,
        PGSSLMODE: "disable",
        LC_ALL: "C.UTF-8",
      },
      stdio: ["pipe", "pipe", "pipe"],
    },
  );
  const startMs = performance.now();
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaints += text;
  });
  child.stdout.resume();
  child.stdin.on("error", () => undefined);
  const late = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  if (direction === "in") await write(child.stdin, megabytes);
  child.stdin.end();
  const code = await ended;
  clearTimeout(late);
  if (code !== 0) throw new Error(`\\copy through ${contestant.name} ended with ${code}: ${complaints}`);
  return megabytes / ((performance.now() - startMs) / 1000);
}

/** The table is rolled back with the session: its transaction is never committed. */
async function write(stdin: NodeJS.WritableStream, megabytes: number): Promise<void> {
  for (let block = 0; block < megabytes * 16; block++) {
    if (!stdin.write(BLOCK)) await new Promise((resolve) => stdin.once("drain", resolve));
  }
}
