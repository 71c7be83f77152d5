import type { Deadline } from "@sluice/shared/time";
import type { PoolMeter } from "../metrics/index.js";
import type { ServerConnection } from "../server/index.js";
import type { Lease, LeaseState, ReleaseReport } from "./lease.js";

/** What a pool opens: a server, logged in, and the way on which its query is cancelled. */
export interface Opened {
  readonly server: ServerConnection;
  /** Sends a cancel request for the running query, and waits until it is delivered. */
  readonly cancel: (deadline: Deadline) => Promise<void>;
}

/** What a pooled server needs of its pool. */
export interface Home {
  readonly meter: PoolMeter;
  takeBack(server: PooledServer, report: ReleaseReport): void;
  /** The last cancel request for this server has been delivered. */
  cancelsEnded(server: PooledServer): void;
}

export class PooledServer implements Lease {
  readonly server: ServerConnection;
  readonly expiresAtMs: number;
  /** Of the pool when this server was opened: an older one leaves as it comes back. */
  readonly generation: number;
  idleSinceMs = 0;
  cancels = 0;
  state: LeaseState = "resetting";
  pinning = false;
  moved = false;
  /** Where it is; undefined when it had gone before that was asked. */
  readonly address: string | undefined;
  readonly #home: Home;
  readonly #opened: Opened;

  constructor(home: Home, opened: Opened, expiresAtMs: number, generation: number) {
    this.#home = home;
    this.#opened = opened;
    this.server = opened.server;
    this.address = opened.server.socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, "");
    this.expiresAtMs = expiresAtMs;
    this.generation = generation;
  }

  pin(): void {
    if (this.state !== "pinned") this.#home.meter.pinned();
    this.state = "pinned";
    this.server.soiled = true;
  }

  unpin(): void {
    if (this.state !== "pinned") return;
    this.state = "leased";
    this.server.soiled = false;
  }

  release(report: ReleaseReport): void {
    if (this.state !== "leased" && this.state !== "pinned") return;
    this.pinning = false;
    this.#home.takeBack(this, report);
  }

  beginCancel(): () => void {
    this.cancels += 1;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.cancels -= 1;
      if (this.cancels === 0) this.#home.cancelsEnded(this);
    };
  }

  /** Over the way that it was opened on, also when the pool's new servers are elsewhere by now. */
  cancel(deadline: Deadline): Promise<void> {
    return this.#opened.cancel(deadline);
  }
}
