import type { Socket } from "node:net";
import { type RawMessage, splitMessage } from "./protocol.js";

/** Every wait of the kit, unless told otherwise: generous, since the machine may be busy. */
const WAIT_MS = 10_000;

/** What comes from a socket, taken by count of bytes or by message. Every wait has an end. */
export class ByteStream {
  #socket: Socket;
  #held: Buffer = Buffer.alloc(0);
  #ended = false;
  #error: Error | undefined;
  #wake: (() => void)[] = [];
  readonly #waitMs: number;

  constructor(socket: Socket, waitMs = WAIT_MS) {
    this.#socket = socket;
    this.#waitMs = waitMs;
    socket.on("data", this.#data);
    socket.on("end", this.#end);
    socket.on("close", this.#end);
    socket.on("error", this.#failed);
  }

  get held(): Buffer {
    return this.#held;
  }

  /** Why the connection broke, if it did. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** Stops listening, so that somebody else (TLS) can take the socket. */
  release(): Buffer {
    this.#socket.off("data", this.#data);
    this.#socket.off("end", this.#end);
    this.#socket.off("close", this.#end);
    this.#socket.pause();
    const held = this.#held;
    this.#held = Buffer.alloc(0);
    return held;
  }

  async bytes(count: number): Promise<Buffer> {
    await this.#until(() => this.#held.length >= count, `${count} bytes`);
    const taken = this.#held.subarray(0, count);
    this.#held = this.#held.subarray(count);
    return taken;
  }

  async message(): Promise<RawMessage> {
    let split: ReturnType<typeof splitMessage>;
    await this.#until(() => {
      split = splitMessage(this.#held);
      return split !== undefined;
    }, "a message");
    if (split === undefined) throw new Error("unreachable");
    this.#held = split.rest;
    return split.message;
  }

  /** Everything up to the end of the connection. */
  async rest(): Promise<Buffer> {
    await this.#until(() => this.#ended, "the end of the connection");
    const held = this.#held;
    this.#held = Buffer.alloc(0);
    return held;
  }

  async #until(met: () => boolean, what: string): Promise<void> {
    const endMs = performance.now() + this.#waitMs;
    while (!met()) {
      if (this.#ended) {
        throw new Error(
          `the connection ended (${this.#error?.message ?? "cleanly"}) before ${what}; held: ${this.#held.toString("latin1").slice(0, 300)}`,
        );
      }
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) throw new Error(`${what} did not come within ${this.#waitMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  readonly #data = (segment: Buffer): void => {
    this.#held = Buffer.concat([this.#held, segment]);
    this.#wakeAll();
  };

  readonly #end = (): void => {
    this.#ended = true;
    this.#wakeAll();
  };

  readonly #failed = (error: Error): void => {
    this.#error ??= error;
    this.#ended = true;
    this.#wakeAll();
  };
}
