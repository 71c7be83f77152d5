import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepareCredentials } from "@sluice/local/credentials";
import { dataPlaneEnvironment } from "@sluice/local/plane-environment";
import { dataPlaneMain } from "@sluice/local/workspace";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

/** Nobody listens there. */
const NO_CONTROL_PLANE = 9;

describe("a data plane that cannot start", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sluice-start-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("says why in one line, and its workers, which have begun by then, say nothing", async () => {
    const credentials = await prepareCredentials(join(folder, "credentials"));
    const ports = { transaction: 0, session: 0, operations: 0 };
    const environment = dataPlaneEnvironment(credentials, ports, NO_CONTROL_PLANE, join(folder, "data"));
    const plane = spawn(process.execPath, [dataPlaneMain], {
      env: { ...process.env, ...environment, NODE_KEY_PATH: "/dev/null", DATA_PLANE_WORKERS: "2" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    for (const stream of [plane.stdout, plane.stderr]) stream.on("data", (bytes) => (said += String(bytes)));
    // Not before its workers, too, have let go of what they could write to.
    const [code] = await once(plane, "close");
    expect([code, said]).toEqual([
      1,
      "data plane: the node key cannot be used: it is not a PEM private key\n",
    ]);
  });
});
