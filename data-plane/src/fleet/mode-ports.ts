import type { Socket } from "node:net";
import type { PoolMode } from "@sluice/shared/tenant";
import type { Deadline } from "@sluice/shared/time";
import { ClientPort } from "../listener/index.js";
import type { OwnPorts, Ports } from "./messages.js";

/** How long a port may take to become empty, and clients to come to their workers, while a data plane stops. */
export const CLOSE_TIMEOUT_MS = 4000;

const MODES: readonly PoolMode[] = ["transaction", "session"];

/** The ports of both modes, held by one process. */
export class ModePorts {
  readonly #ports: readonly ClientPort[];

  private constructor(ports: readonly ClientPort[]) {
    this.#ports = ports;
  }

  /**
   * @param paused sockets are for another process
   * @throws when one cannot be had
   */
  static async open(
    { host, ports, shared }: OwnPorts,
    paused: boolean,
    accept: (socket: Socket, mode: PoolMode) => void,
  ): Promise<ModePorts> {
    const opening = await Promise.allSettled(
      MODES.map((mode) =>
        ClientPort.open(host, ports[mode], (socket) => accept(socket, mode), { paused, shared }),
      ),
    );
    const opened = opening.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    const failed = opening.find((each) => each.status === "rejected");
    if (failed === undefined) return new ModePorts(opened);
    // Nobody would ever close the other one.
    for (const port of opened) port.closeNow();
    throw failed.reason;
  }

  get numbers(): Ports {
    const [transaction, session] = this.#ports;
    return { transaction: transaction?.number ?? 0, session: session?.number ?? 0 };
  }

  async close(deadline: Deadline): Promise<void> {
    await Promise.all(this.#ports.map((port) => port.close(deadline)));
  }
}
