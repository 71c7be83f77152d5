import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "@sluice/shared/observability";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FolderInUse, FolderLock } from "./folder-lock.js";

/** Listens where a lock is, says so, and ends by SIGKILL when it is told to. */
const HOLDER = `
  const server = require("node:net").createServer((connection) => connection.end("the other one"));
  server.listen(process.argv[1], () => process.stdout.write("holds"));
`;

describe("a data folder's lock", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "sluice-lock-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const take = () => FolderLock.take(folder, silentLogger);

  it("is held by one alone, which says who it is, until it is released", async () => {
    const lock = await take();
    const other = await take().catch((error: unknown) => error);
    expect(other).toBeInstanceOf(FolderInUse);
    expect(String(other)).toContain(`process ${process.pid}`);
    await lock?.release();
    expect(await readdir(folder)).toEqual([]);
    await (await take())?.release();
  });

  it("is gone with a process that was killed, and not before", async () => {
    const holder = spawn(process.execPath, ["-e", HOLDER, join(folder, "lock")], { stdio: "pipe" });
    await once(holder.stdout, "data");
    await expect(take()).rejects.toThrow(/the other one/);
    holder.kill("SIGSTOP");
    await expect(take()).rejects.toThrow(FolderInUse);
    holder.kill("SIGKILL");
    await once(holder, "exit");
    expect(await readdir(folder)).toEqual(["lock"]);
    const lock = await take();
    expect(lock).toBeDefined();
    await lock?.release();
    expect(await readdir(folder)).toEqual([]);
  });

  it("is for one of several that find the lock of a dead one at the same time", async () => {
    const holder = spawn(process.execPath, ["-e", HOLDER, join(folder, "lock")], { stdio: "pipe" });
    await once(holder.stdout, "data");
    holder.kill("SIGKILL");
    await once(holder, "exit");
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, take));
    const locks = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    expect(locks.length).toBe(1);
    await expect(take()).rejects.toThrow(FolderInUse);
    await locks[0]?.release();
  });

  it.skipIf(process.platform !== "linux")("has a folder of any path", async () => {
    folder = join(folder, "a".repeat(150));
    await mkdir(folder);
    const lock = await take();
    await expect(take()).rejects.toThrow(FolderInUse);
    expect(await readdir(folder)).toEqual(["lock"]);
    await lock?.release();
    expect(await readdir(folder)).toEqual([]);
  });
});
