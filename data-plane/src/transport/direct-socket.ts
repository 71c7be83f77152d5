import type { Socket } from "node:net";
import { getSystemErrorName } from "node:util";
import { READ_BYTES, readingSpace, takenFrom } from "./read-memory.js";
import {
  handleOf,
  type OnRead,
  readBytes,
  readLength,
  type SocketHandle,
  takesWrites,
  type WriteRequest,
  writeTo,
} from "./socket-handle.js";

/** Who hears what comes over a socket. */
export interface SocketReceiver {
  /**
   * The bytes are the receiver's, unless it says true: nobody has a use for them any more, and they may be overwritten by
   * what comes next.
   */
  received(segment: Buffer): boolean | undefined;
  /** After a `write` that was answered with false: all of it has gone. */
  drained(): void;
}

/**
 * Hot path: the bytes of one socket, past Node's two streams. What was read is given on in the call in which Node got it,
 * and what is written goes to the kernel in the call; a stream does the same with some twenty calls more for each, and with
 * a turn of the microtask queue. Of a transaction of `pgbench -S` it takes 2 of 20 µs
 * (docs/decisions/2026-12-01-past-nodes-streams.md).
 *
 *   read    handle.onread  ->  receiver.received        the stream learns of the end, and of errors, as ever
 *   write   handle.writeBuffer                          while the stream has nothing to write itself; else, and over TLS, by it
 *
 * For each read Node makes a buffer of 64 KiB, and its collector is busy with them. Here all sockets read into one, and
 * what came is copied out before anybody sees it. A socket that has brought much at once, to a receiver that is done with it,
 * or has filled all of it, reads into one of its own from then on: into the same one for as long as its receiver says of
 * each segment that it is done with it, and into another one after a segment that somebody holds. Where the receiver lends
 * nothing back, that ends with the first that does not fill it: a client that is quiet after a large request has no buffer.
 *
 * libuv reads a socket up to 32 times before it looks at the next one: 2 MiB of whoever sends as fast as he can. Here others
 * have their turn after eight times.
 *
 * Everything else (end, destroy, 'end', 'close', 'error') is the socket's own: what is written by `end` goes behind what was
 * written here. Where Node's handle is not as it is known, all goes through the streams.
 */
export class DirectSocket {
  readonly socket: Socket;
  readonly #handle: SocketHandle | undefined;
  readonly #writes: boolean;
  #receiver: SocketReceiver | undefined;
  /** Writes of ours that the kernel has not taken whole. */
  #pending = 0;
  #hearsDrain = false;

  /** @param direct false: by the streams, as where Node has no such handle */
  constructor(socket: Socket, direct = true) {
    this.socket = socket;
    this.#handle = direct ? handleOf(socket) : undefined;
    this.#writes = this.#handle !== undefined && takesWrites(socket);
  }

  /** The socket flows, and nobody else reads it from now on; a second call: this one does. */
  begin(receiver: SocketReceiver): void {
    const { socket } = this;
    const begun = this.#receiver !== undefined;
    this.#receiver = receiver;
    const handle = this.#handle;
    // What the stream has read before comes by it, in one of the next ticks.
    if (!begun && (handle === undefined || socket.readableLength > 0))
      socket.on("data", (segment: Buffer) => this.#receiver?.received(segment));
    if (handle === undefined) return;
    if (begun) giveOn(handle, receiver);
    else takeOver(handle, receiver);
    this.resume();
  }

  /** False: the kernel has not taken all; `drained` tells when it has. */
  write(bytes: Buffer): boolean {
    const { socket } = this;
    const handle = this.#handle;
    if (handle === undefined || !this.#writes || socket.writableLength > 0 || !socket.writable)
      return this.#writeByStream(bytes);
    const outcome = writeTo(handle, bytes);
    if (outcome === 0) return true;
    if (typeof outcome === "number") socket.destroy(writeError(outcome));
    else this.#await(outcome);
    return false;
  }

  /** The kernel has everything. */
  get flushed(): boolean {
    return this.#pending === 0 && this.socket.writableLength === 0;
  }

  /** Nothing more is read, not even the end. */
  pause(): void {
    const handle = this.#handle;
    if (handle === undefined) this.socket.pause();
    else if (handle.reading && !this.socket.destroyed) {
      handle.reading = false;
      handle.readStop();
    }
  }

  resume(): void {
    const handle = this.#handle;
    if (handle === undefined) this.socket.resume();
    else if (!handle.reading && !this.socket.destroyed) {
      handle.reading = true;
      handle.readStart();
    }
  }

  get paused(): boolean {
    return this.#handle === undefined ? this.socket.isPaused() : !this.#handle.reading;
  }

  #writeByStream(bytes: Buffer): boolean {
    const { socket } = this;
    if (socket.write(bytes)) return this.#pending === 0;
    // Most sockets never come to it.
    if (!this.#hearsDrain) socket.on("drain", () => this.#drained());
    this.#hearsDrain = true;
    return false;
  }

  #await(request: WriteRequest): void {
    this.#pending += 1;
    request.oncomplete = (status) => {
      request.buffer = undefined;
      this.#pending -= 1;
      const { socket } = this;
      if (socket.destroyed) return;
      if (status < 0) socket.destroy(writeError(status));
      else if (this.#pending === 0 && socket.writableLength > 0) socket.write(NOTHING, () => this.#drained());
      else this.#drained();
    };
    const { writeStatus } = request;
    if (typeof writeStatus === "number") process.nextTick(() => request.oncomplete?.(writeStatus));
  }

  #drained(): void {
    if (this.#pending === 0) this.#receiver?.drained();
  }
}

/** Who brings so much at once brings more. */
const MUCH_BYTES = 16 * 1024;
const NOTHING = Buffer.alloc(0);
const RECEIVER = Symbol("receiver");
const OWN = Symbol("buffer of its own");
const TURN = Symbol("turn");
const READS = Symbol("reads");
const LENDS = Symbol("lends");
/** Node's own `onread`, one function for all sockets. */
let nodesOwn: OnRead | undefined;

interface TakenHandle extends SocketHandle {
  [RECEIVER]?: SocketReceiver;
  /** What it reads into; undefined: what all do. Node knows its address alone: it has to be held here. */
  [OWN]?: Buffer | undefined;
  /** The receiver has given back what came last. */
  [LENDS]?: boolean;
  /** The turn of the event loop in which it has last filled what it reads into, and how often it has in that one. */
  [TURN]?: number;
  [READS]?: number;
}

function takeOver(handle: TakenHandle, receiver: SocketReceiver): void {
  nodesOwn ??= handle.onread;
  handle[RECEIVER] = receiver;
  handle[OWN] = undefined;
  handle[LENDS] = false;
  handle.onread = onRead;
  handle.useUserBuffer?.(readingSpace);
}

function giveOn(handle: TakenHandle, receiver: SocketReceiver): void {
  handle[RECEIVER] = receiver;
  handle[LENDS] = false;
}

/** @returns what the socket reads into from now on; undefined: as before */
const onRead: OnRead = function (this: TakenHandle, bytes) {
  const receiver = this[RECEIVER];
  if (receiver === undefined) return nodesOwn?.call(this, bytes);
  if (bytes !== undefined) {
    receiver.received(readBytes(bytes));
    return undefined;
  }
  const length = readLength();
  if (length <= 0) return nodesOwn?.call(this, bytes);
  // After a read that has not filled its buffer libuv goes on to the next socket by itself.
  if (length === READ_BYTES) letOthersRead(this);
  const own = this[OWN];
  if (own === undefined) {
    const free = receiver.received(takenFrom(readingSpace, length)) === true;
    return length < (free ? MUCH_BYTES : READ_BYTES) ? undefined : ownBuffer(this, free);
  }
  if (!this[LENDS] && length < READ_BYTES) {
    this[OWN] = undefined;
    // Of little it would keep all of the buffer.
    receiver.received(length < READ_BYTES / 2 ? takenFrom(own, length) : own.subarray(0, length));
    return readingSpace;
  }
  if (receiver.received(own.subarray(0, length)) === true) return undefined;
  return ownBuffer(this, false);
};

/** So often it may read one after the other. */
const MOST_READS = 8;
/** Of the event loop; counted while there is anybody to count for. */
let turn = 0;
let turnIsCounted = false;
const waiting: TakenHandle[] = [];

function letOthersRead(handle: TakenHandle): void {
  if (handle[TURN] !== turn) {
    handle[TURN] = turn;
    handle[READS] = 0;
  }
  const reads = (handle[READS] ?? 0) + 1;
  handle[READS] = reads;
  if (!turnIsCounted) {
    turnIsCounted = true;
    setImmediate(nextTurn);
  }
  if (reads !== MOST_READS) return;
  handle.readStop();
  waiting.push(handle);
}

function nextTurn(): void {
  turnIsCounted = false;
  turn += 1;
  // One that was paused or closed meanwhile does not go on.
  for (const handle of waiting) if (handle.reading) handle.readStart();
  waiting.length = 0;
}

function ownBuffer(handle: TakenHandle, lends: boolean): Buffer {
  const own = Buffer.allocUnsafeSlow(READ_BYTES);
  handle[OWN] = own;
  handle[LENDS] = lends;
  return own;
}

/** As Node makes it of a number of libuv. */
function writeError(errno: number): Error {
  const code = getSystemErrorName(errno);
  return Object.assign(new Error(`write ${code}`), { errno, code, syscall: "write" });
}
