import { fork } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Pair } from "../../support/certificates.js";
import type { Contestant, Course } from "./contestant.js";

const PROGRAM = fileURLToPath(new URL("bare-server-process.js", import.meta.url));

/** Sockets of Node and nothing else, plain and TLS: the floor under whatever is built on node:net. */
export async function startBareServers(
  course: Course,
  pair: Pair,
): Promise<{ readonly plain: Contestant; readonly tls: Contestant; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-bench-bare-"));
  writeFileSync(join(folder, "cert.pem"), pair.cert);
  writeFileSync(join(folder, "key.pem"), pair.key);
  const child = fork(PROGRAM, [join(folder, "cert.pem"), join(folder, "key.pem")]);
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      child.removeAllListeners("exit");
      child.once("exit", () => {
        rmSync(folder, { recursive: true, force: true });
        resolve();
      });
      child.kill("SIGTERM");
    });
  const ports = await new Promise<{ readonly plain: number; readonly tls: number }>((resolve, reject) => {
    child.once("message", (message) => resolve(message as { plain: number; tls: number }));
    child.once("exit", () => reject(new Error("the bare servers ended")));
  });
  const contestant = (port: number): Contestant => ({
    ...course,
    name: "bare node:net",
    host: "127.0.0.1",
    port,
    preparesByName: false,
    pids: () => (child.pid === undefined ? [] : [child.pid]),
    stop,
  });
  return { plain: contestant(ports.plain), tls: contestant(ports.tls), stop };
}
