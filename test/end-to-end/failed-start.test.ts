import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { FolderLock } from "@sluice/data-plane/subscription/folder-lock";
import { prepareCredentials } from "@sluice/local/credentials";
import { dataPlaneEnvironment } from "@sluice/local/plane-environment";
import { dataPlaneMain } from "@sluice/local/workspace";
import { silentLogger } from "@sluice/shared/observability";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

/** Nobody listens there. */
const NO_CONTROL_PLANE = 9;

describe("a data plane that cannot start", () => {
  let folder: string;
  let plane: ChildProcess | undefined;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sluice-start-"));
  });
  afterEach(() => {
    plane?.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  /** What it says in all, and its exit code. */
  async function startWith(more: Readonly<Record<string, string>>): Promise<unknown[]> {
    const credentials = await prepareCredentials(join(folder, "credentials"));
    const ports = { transaction: 0, session: 0, operations: 0 };
    const environment = dataPlaneEnvironment(credentials, ports, NO_CONTROL_PLANE, join(folder, "data"));
    const started = spawn(process.execPath, [dataPlaneMain], {
      env: { ...process.env, ...environment, ...more, DATA_PLANE_WORKERS: "2" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    plane = started;
    let said = "";
    for (const stream of [started.stdout, started.stderr])
      stream.on("data", (bytes) => (said += String(bytes)));
    // Not before its workers, too, have let go of what they could write to.
    const [code] = await once(started, "close");
    return [code, said];
  }

  it("says why in one line, and its workers, which have begun by then, say nothing", async () => {
    expect(await startWith({ NODE_KEY_PATH: "/dev/null" })).toEqual([
      1,
      "data plane: the node key cannot be used: it is not a PEM private key\n",
    ]);
  });

  it("says so, and leaves everything as it is, when another one works in its DATA_DIR", async () => {
    const data = join(folder, "data");
    mkdirSync(data);
    const lock = await FolderLock.take(data, silentLogger);
    expect(await startWith({})).toEqual([
      1,
      `data plane: DATA_DIR ${data} is in use by another data plane: process ${process.pid} on ${hostname()}\n`,
    ]);
    expect(readdirSync(data)).toEqual(["lock"]);
    await lock?.release();
  });
});
