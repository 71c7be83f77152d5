import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { ClientPort } from "@sluice/data-plane/listener/index";
import { Deadline, systemClock } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.js";

const CONNECTING = 40;
/** Between two connections of one client: 40 that never pause are more than a loop accepts. */
const MOST_PAUSE_MS = 80;

/** How a connection ended: refused, or open until the other side closed it. */
async function attempt(port: number): Promise<"refused" | "served" | "lost"> {
  const socket = connect({ host: "127.0.0.1", port });
  try {
    await once(socket, "connect");
    socket.resume();
    // What libpq does next.
    socket.write("SSLRequest");
    await once(socket, "end");
    return "served";
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    return code === "ECONNREFUSED" && syscall === "connect" ? "refused" : "lost";
  } finally {
    socket.destroy();
  }
}

describe("a port that closes under fire", () => {
  it("resets nobody: who comes is served or refused", async () => {
    const serve = (socket: Socket): void => {
      socket.on("error", () => undefined);
      socket.once("data", () => socket.end());
      socket.resume();
    };
    const port = await ClientPort.open("127.0.0.1", 0, serve);
    const outcomes: string[] = [];
    let served = 0;
    const come = async (): Promise<void> => {
      for (let outcome = "served"; outcome === "served"; ) {
        outcome = await attempt(port.number);
        outcomes.push(outcome);
        if (outcome === "served") served += 1;
        await pause(Math.random() * MOST_PAUSE_MS);
      }
    };
    const clients = Array.from({ length: CONNECTING }, come);
    await eventually("clients come", () => served > 2 * CONNECTING);
    await port.close(Deadline.after(systemClock, 10_000));
    await Promise.all(clients);
    expect(outcomes.filter((outcome) => outcome === "lost")).toEqual([]);
    expect(outcomes.filter((outcome) => outcome === "refused")).toHaveLength(CONNECTING);
  });
});
