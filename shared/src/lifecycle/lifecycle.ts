import { messageOf } from "../errors/index.js";
import type { Logger } from "../observability/index.js";
import { Deadline, systemClock, within } from "../time/index.js";

export interface Part {
  readonly name: string;
  /** Ends the part and frees what it holds; called once, in reverse order of `add`. */
  stop(): Promise<void> | void;
}

/**
 * Joins the parts of a process into one that stops: on SIGTERM, on SIGINT, and when the process that started it
 * and holds its IPC channel is gone (so that a supervisor that dies by `kill -9` leaves nothing behind).
 */
export class Lifecycle {
  readonly #logger: Logger;
  readonly #parts: Part[] = [];
  #stopping: Promise<void> | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  add(part: Part): void {
    this.#parts.push(part);
  }

  /** Stops all parts, last added first. Each gets `partTimeoutMs`; one that fails is logged and the rest go on. */
  stop(reason: string, partTimeoutMs: number): Promise<void> {
    this.#stopping ??= this.#stopParts(reason, partTimeoutMs);
    return this.#stopping;
  }

  async #stopParts(reason: string, partTimeoutMs: number): Promise<void> {
    this.#logger.info("stopping", { reason });
    for (const part of this.#parts.toReversed()) {
      try {
        await within(Deadline.after(systemClock, partTimeoutMs), part.name, Promise.resolve(part.stop()));
      } catch (error) {
        this.#logger.error(`could not stop ${part.name}`, { error: new Error(messageOf(error)) });
      }
    }
    this.#logger.info("stopped", { reason });
  }

  /** Ends the process when told to. A second signal, 1 s or more after the first, ends it at once. */
  stopOnSignals(partTimeoutMs: number): void {
    let firstAtMs = 0;
    const end = (reason: string): void => {
      const nowMs = systemClock.monotonic();
      // Ctrl-C reaches every process of the group, and a supervisor passes it on: two in a row are one.
      if (firstAtMs !== 0) {
        if (nowMs - firstAtMs > 1000) process.exit(1);
        return;
      }
      firstAtMs = nowMs;
      this.stop(reason, partTimeoutMs).then(
        () => process.exit(0),
        () => process.exit(1),
      );
    };
    process.on("SIGTERM", () => end("SIGTERM"));
    process.on("SIGINT", () => end("SIGINT"));
    if (process.channel) process.on("disconnect", () => end("parent gone"));
  }

  /**
   * For a process whose parent says when it is time: signals reach a whole group, or all of a container, and are the
   * parent's to act on. Ends when the parent is gone.
   */
  stopWithParent(partTimeoutMs: number): void {
    for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => undefined);
    process.on("disconnect", () => {
      this.stop("parent gone", partTimeoutMs).then(
        () => process.exit(0),
        () => process.exit(1),
      );
    });
  }
}
