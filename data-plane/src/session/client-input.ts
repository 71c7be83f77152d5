import type { Socket } from "node:net";
import {
  decodeStartupPacket,
  type Frame,
  FrameReader,
  type StartupPacket,
  startupPacketLength,
} from "../wire/index.js";

/** The client went before its login ended. */
export class ClientGone extends Error {
  constructor() {
    super("the client closed the connection");
    this.name = "ClientGone";
  }
}

export type FirstPacket = StartupPacket | { readonly kind: "http" } | { readonly kind: "tls" };

/** Longer than any message of a login (SASL with a token). */
const MOST_MESSAGE_BYTES = 66_000;

/** What a client sends before the relay takes over, one packet or message at a time. */
export class ClientInput {
  readonly #socket: Socket;
  #held: Buffer = Buffer.alloc(0);
  #gone = false;
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", this.#received);
    socket.on("end", this.#ended);
    socket.on("close", this.#ended);
  }

  /** Bytes that came and were not asked for. */
  get ahead(): number {
    return this.#held.length;
  }

  /** Throws MalformedMessage, ClientGone. */
  async packet(): Promise<FirstPacket> {
    for (;;) {
      if (this.#held.length > 0 && this.#held[0] === 0x16) return { kind: "tls" };
      if (this.#held.length >= 4 && this.#held.toString("latin1", 0, 4) === "GET ") return { kind: "http" };
      const length = startupPacketLength(this.#held);
      if (length !== undefined && this.#held.length >= length) {
        const packet = this.#held.subarray(0, length);
        this.#held = this.#held.subarray(length);
        return decodeStartupPacket(packet);
      }
      await this.#more();
    }
  }

  /** Throws MalformedMessage, ClientGone. */
  async message(): Promise<Frame> {
    for (;;) {
      const reader = new FrameReader(MOST_MESSAGE_BYTES);
      reader.push(this.#held);
      const frame = reader.next();
      if (frame !== undefined) {
        this.#held = reader.takeRest();
        return frame;
      }
      await this.#more();
    }
  }

  /** Stops reading; what came meanwhile belongs to the caller. */
  release(): Buffer {
    this.#socket.off("data", this.#received);
    this.#socket.off("end", this.#ended);
    this.#socket.off("close", this.#ended);
    const rest = this.#held;
    this.#held = Buffer.alloc(0);
    return rest;
  }

  async #more(): Promise<void> {
    if (this.#gone) throw new ClientGone();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }

  readonly #received = (segment: Buffer): void => {
    this.#held = this.#held.length === 0 ? segment : Buffer.concat([this.#held, segment]);
    this.#wake?.();
  };

  readonly #ended = (): void => {
    this.#gone = true;
    this.#wake?.();
  };
}
