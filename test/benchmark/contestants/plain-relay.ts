import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { pin } from "../processes.js";
import type { Contestant, Course } from "./contestant.js";

const PROGRAM = fileURLToPath(new URL("plain-relay-process.js", import.meta.url));

/**
 * Bytes from one socket to another and nothing else: what Node itself costs. A server connection for each client.
 * @param way by the streams of node:net, or by its handles, as the product
 */
export async function startPlainRelay(
  course: Course,
  way: "streams" | "handles" = "streams",
): Promise<Contestant> {
  const child = fork(PROGRAM, [course.host, String(course.port), way]);
  const port = await new Promise<number>((resolve, reject) => {
    child.once("message", (message) => resolve(Number(message)));
    child.once("exit", () => reject(new Error("the plain relay ended")));
  });
  if (course.poolerProcessor !== undefined && child.pid !== undefined)
    pin([child.pid], course.poolerProcessor);
  return {
    ...course,
    name: way === "streams" ? "plain relay" : "relay on handles",
    host: "127.0.0.1",
    port,
    preparesByName: true,
    pids: () => (child.pid === undefined ? [] : [child.pid]),
    stop: () =>
      new Promise((resolve) => {
        child.removeAllListeners("exit");
        child.once("exit", () => resolve());
        child.kill("SIGTERM");
      }),
  };
}
