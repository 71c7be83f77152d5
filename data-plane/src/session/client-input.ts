import type { Socket } from "node:net";
import { DirectSocket, type ProxyHeader, readProxyHeader, type SocketReceiver } from "../transport/index.js";
import {
  decodeStartupPacket,
  FRAME_HEADER_BYTES,
  frameEnd,
  MalformedMessage,
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

/** Longer than a startup packet, and than any message of SCRAM: what a stranger may have us hold. */
const MOST_HELD_BYTES = 16_384;
/** Passwords and tokens have up to 65,530 bytes. */
export const MOST_TOKEN_BYTES = 66_000;
const NOTHING = Buffer.alloc(0);
/** The first byte of a TLS record that holds a ClientHello. */
const TLS_HANDSHAKE = 0x16;

/** What a client sends before the relay takes over, one packet or message at a time. */
export class ClientInput implements SocketReceiver {
  readonly #socket: Socket;
  #direct: DirectSocket | undefined;
  #held: Buffer = NOTHING;
  #gone = false;
  #paused = false;
  #mostBytes = MOST_HELD_BYTES;
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", this.received);
    socket.on("end", this.#ended);
    socket.on("close", this.#ended);
  }

  /** Bytes that came and were not asked for. */
  get ahead(): number {
    return this.#held.length;
  }

  /** What a balancer put in front, taken away. Throws BadProxyHeader, ClientGone. */
  async proxyHeader(): Promise<Exclude<ProxyHeader, { kind: "incomplete" }>> {
    for (;;) {
      if (this.#held.length > 0) {
        const header = readProxyHeader(this.#held);
        if (header.kind === "header") this.#held = this.#held.subarray(header.length);
        if (header.kind !== "incomplete") return header;
      }
      await this.#more();
    }
  }

  /** Throws BadStartupMessage, StartupPacketTooLarge, ClientGone. */
  async packet(): Promise<FirstPacket> {
    for (;;) {
      if (this.#held.length > 0 && this.#held[0] === TLS_HANDSHAKE) return { kind: "tls" };
      if (this.#held.length >= 4 && this.#held.toString("latin1", 0, 4) === "GET ") return { kind: "http" };
      const length = startupPacketLength(this.#held);
      if (length !== undefined && this.#held.length >= length) {
        const packet = this.#held.subarray(0, length);
        this.#held = packet.length === this.#held.length ? NOTHING : this.#held.subarray(length);
        return decodeStartupPacket(packet);
      }
      await this.#more();
    }
  }

  /** The body of the next message, which has to be of this type: its first byte tells. Throws MalformedMessage, ClientGone. */
  async message(type: number, mostBytes = MOST_HELD_BYTES): Promise<Buffer> {
    this.#mostBytes = mostBytes;
    for (;;) {
      const held = this.#held;
      if (held.length > 0 && held[0] !== type)
        throw new MalformedMessage(`type 0x${held.toString("hex", 0, 1)} where another was due`);
      const end = frameEnd(held, mostBytes);
      if (end !== undefined) {
        this.#held = end === held.length ? NOTHING : held.subarray(end);
        return held.subarray(FRAME_HEADER_BYTES, end);
      }
      await this.#more();
    }
  }

  /** There will be no TLS on this socket, or there is: its bytes need not come by the stream any more. */
  direct(): DirectSocket {
    this.#socket.off("data", this.received);
    if (this.#paused) this.#socket.resume();
    const direct = new DirectSocket(this.#socket);
    this.#direct = direct;
    direct.begin(this);
    if (this.#paused) direct.pause();
    return direct;
  }

  /** Hands the socket over, flowing; what came meanwhile belongs to the caller. */
  release(): Buffer {
    if (this.#paused) this.#resume();
    this.#socket.off("data", this.received);
    this.#socket.off("end", this.#ended);
    this.#socket.off("close", this.#ended);
    const rest = this.#held;
    this.#held = NOTHING;
    return rest;
  }

  async #more(): Promise<void> {
    if (this.#gone) throw new ClientGone();
    if (this.#paused) this.#resume();
    this.#paused = false;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }

  #resume(): void {
    if (this.#direct === undefined) this.#socket.resume();
    else this.#direct.resume();
  }

  readonly received = (segment: Buffer): undefined => {
    this.#held = this.#held.length === 0 ? segment : Buffer.concat([this.#held, segment]);
    // A stranger who sends while we wait for something else may fill one message's worth of memory, not more.
    if (this.#held.length > this.#mostBytes) {
      this.#paused = true;
      if (this.#direct === undefined) this.#socket.pause();
      else this.#direct.pause();
    }
    this.#wake?.();
  };

  drained(): void {
    // A login's messages are few, and each is an answer.
  }

  readonly #ended = (): void => {
    this.#gone = true;
    this.#wake?.();
  };
}
