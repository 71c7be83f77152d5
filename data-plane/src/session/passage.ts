import type { SluiceError } from "@sluice/shared/errors";
import { background } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import { type Clock, Deadline } from "@sluice/shared/time";
import { CANCEL_TIMEOUT_MS, MOST_CANCELS } from "../relay/index.js";
import { type ServerConnection, ServerGone, type ServerHolder } from "../server/index.js";
import type { DirectSocket } from "../transport/index.js";

export interface PassageOptions {
  readonly client: DirectSocket;
  readonly server: ServerConnection;
  /** Cancels what the server does for it. */
  readonly cancel: (deadline: Deadline) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends the client with this error, or without a word. */
  readonly end: (error: SluiceError | undefined) => void;
}

/**
 * Bytes both ways between a client and a server that is its own until one of them goes: replication, whose messages are
 * not read here. A reader that stops reading stops its writer.
 */
export class Passage implements ServerHolder {
  readonly #options: PassageOptions;
  /** Asked, and not answered in full. */
  #asking = false;
  /** In COPY both ways: it goes on for ever. */
  #streaming = false;
  #draining: SluiceError | undefined;
  #cancels = 0;

  constructor(options: PassageOptions) {
    this.#options = options;
    options.server.hold(this);
  }

  get insideMessage(): boolean {
    return !this.#options.server.betweenMessages;
  }

  received(segment: Buffer): undefined {
    this.#asking = true;
    if (!this.#options.server.flow.write(segment)) this.#options.client.pause();
  }

  drained(): void {
    this.#options.server.flow.resume();
  }

  clientEnd(): void {
    this.#options.end(undefined);
  }

  close(): void {
    this.#options.server.close();
  }

  /** A cancel request of its client. */
  cancel(): void {
    if (this.#cancels >= MOST_CANCELS) return;
    const { cancel, clock, logger } = this.#options;
    this.#cancels += 1;
    const sent = cancel(Deadline.after(clock, CANCEL_TIMEOUT_MS)).finally(() => {
      this.#cancels -= 1;
    });
    background(logger, "cancel request", sent);
  }

  /** A stream ends now, and what has an end of its own, a base backup for instance, when it has come to it. */
  drain(error: SluiceError): void {
    this.#draining = error;
    if (this.#streaming || !this.#asking) this.#options.end(error);
  }

  readyForQuery(): void {
    this.#asking = false;
    this.#streaming = false;
  }

  copyIn(): void {
    this.#streaming = true;
  }

  // These pass by with everything else.

  parameterChanged(): void {}

  begins(): void {}

  commandComplete(): void {}

  errorResponse(): void {}

  serverData(segment: Buffer): undefined {
    if (!this.#options.client.write(segment)) this.#options.server.flow.pause();
    if (this.#draining !== undefined && (this.#streaming || !this.#asking)) this.#options.end(this.#draining);
  }

  serverDrain(): void {
    this.#options.client.resume();
  }

  serverClosed(): void {
    // Its own FATAL has passed by.
    const said = this.#options.server.lastError?.fields.get("S") === "FATAL";
    this.#options.end(said ? undefined : new ServerGone("a replication connection"));
  }
}
