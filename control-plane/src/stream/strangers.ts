import type { Socket } from "node:net";
import { type Logger, SampledLog } from "@sluice/shared/observability";
import type { Clock, Timer } from "@sluice/shared/time";
import type { StreamLimits } from "./limits.js";

interface Stranger {
  readonly socket: Socket;
  readonly late: Timer;
}

/** A peer, as long as its connection is open. */
type Ends = Pick<Socket, "remoteAddress" | "remotePort">;

/**
 * Connections on which nobody has shown a good credential, from accept on. Each has a deadline, and one more than the
 * bound ends the oldest: whoever only holds connections keeps nobody out.
 */
export class Strangers {
  readonly #limits: Pick<StreamLimits, "strangers" | "strangerMs">;
  readonly #clock: Clock;
  readonly #log: SampledLog;
  /** The oldest first. */
  readonly #open = new Map<string, Stranger>();

  constructor(limits: Pick<StreamLimits, "strangers" | "strangerMs">, clock: Clock, logger: Logger) {
    this.#limits = limits;
    this.#clock = clock;
    this.#log = new SampledLog(logger, "a connection without a credential is ended", clock);
  }

  came(socket: Socket): void {
    const key = keyOf(socket);
    const late = this.#clock.schedule(this.#limits.strangerMs, () =>
      this.#end(key, "it has shown no credential"),
    );
    this.#open.set(key, { socket, late });
    socket.once("close", () => this.#forget(key));
    const [oldest] = this.#open.keys();
    if (this.#open.size > this.#limits.strangers && oldest !== undefined)
      this.#end(oldest, "there are too many");
  }

  /** It is none any more. */
  known(ends: Ends): void {
    this.#forget(keyOf(ends));
  }

  endAll(): void {
    for (const { socket } of this.#open.values()) socket.destroy();
  }

  #end(key: string, reason: string): void {
    const stranger = this.#open.get(key);
    this.#forget(key);
    this.#log.write("warn", reason, { reason, address: stranger?.socket.remoteAddress ?? "" });
    stranger?.socket.destroy();
  }

  #forget(key: string): void {
    this.#open.get(key)?.late.cancel();
    this.#open.delete(key);
  }
}

/** What TLS and HTTP/2 make of a socket are other objects; its ends are the same. */
function keyOf({ remoteAddress, remotePort }: Ends): string {
  return `${remoteAddress} ${remotePort}`;
}
