import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/**
 * Node's own object under a socket: `StreamBase` in its source (`src/stream_base.cc`, `lib/internal/stream_base_commons.js`).
 * Node does not promise it. What is used of it is looked for before it is used, in the two forms that there are, and where it
 * is neither sockets are used as Node documents them. Tried with Node 20, 22, 24 and 26.
 */
export interface SocketHandle {
  /** Called with what was read; with nothing at the end of the stream, or after an error. */
  onread: OnRead;
  reading: boolean;
  readStart(): number;
  readStop(): number;
  /** It reads into these bytes from now on, and into what `onread` returns. Once for a handle. */
  useUserBuffer?(bytes: Buffer): void;
  writeBuffer(request: WriteRequest | null, bytes: Buffer): number | WriteRequest;
}

export type OnRead = (this: SocketHandle, bytes: ArrayBuffer | undefined) => unknown;

/** A write that the kernel has not taken at once. */
export interface WriteRequest {
  /** 0, or a negative error of libuv. */
  oncomplete: ((status: number) => void) | undefined;
  /** To be held until then. */
  buffer: Buffer | undefined;
  /** It was complete before anybody could listen for it. */
  writeStatus?: number | null;
}

/** `process.binding("stream_wrap")`. What the last call into a handle did stands in an array. */
export interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest;
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly kArrayBufferOffset: number;
  readonly kLastWriteWasAsync: number;
  /** From Node 24.16 on: requests are made by the handle, and none is where the kernel takes all. */
  readonly kLastWriteErr?: number;
}

/** Undefined: it is not as it is known here. */
export function handleOf(socket: Socket): SocketHandle | undefined {
  if (streamBinding() === undefined) return undefined;
  const { _handle: handle } = socket as unknown as { readonly _handle?: Partial<SocketHandle> | null };
  const known =
    typeof handle?.onread === "function" &&
    typeof handle.readStart === "function" &&
    typeof handle.readStop === "function" &&
    typeof handle.reading === "boolean" &&
    typeof handle.writeBuffer === "function";
  return known ? (handle as SocketHandle) : undefined;
}

/** TLS takes one write at a time, and a second one ends the process: that is for Node's stream to see to. */
export function takesWrites(socket: Socket): boolean {
  return !(socket instanceof TLSSocket);
}

/** What the handle read just now, into memory of Node's. */
export function readBytes(bytes: ArrayBuffer): Buffer {
  const { streamBaseState: state, kArrayBufferOffset, kReadBytesOrError } = binding as StreamBinding;
  return Buffer.from(bytes, state[kArrayBufferOffset], state[kReadBytesOrError]);
}

/** How much the handle read just now; 0 or less: nothing, the end, or an error. */
export function readLength(): number {
  const { streamBaseState: state, kReadBytesOrError } = binding as StreamBinding;
  return state[kReadBytesOrError] as number;
}

/** 0: the kernel has taken all; or a negative error of libuv; or what tells when it has, and holds the bytes until then. */
export function writeTo(handle: SocketHandle, bytes: Buffer): number | WriteRequest {
  const { WriteWrap, streamBaseState: state, kLastWriteErr, kLastWriteWasAsync } = binding as StreamBinding;
  if (kLastWriteErr !== undefined) {
    const done = handle.writeBuffer(null, bytes);
    if (typeof done === "number") return done;
    done.buffer = bytes;
    return (state[kLastWriteErr] as number) || done;
  }
  spare ??= new WriteWrap();
  const error = handle.writeBuffer(spare, bytes) as number;
  if (error !== 0 || state[kLastWriteWasAsync] === 0) return error;
  const request = spare;
  spare = undefined;
  request.buffer = bytes;
  return request;
}

/** What was written at once has not used its request. */
let spare: WriteRequest | undefined;
let binding: StreamBinding | undefined;
let looked = false;

function streamBinding(): StreamBinding | undefined {
  if (!looked) binding = look();
  looked = true;
  return binding;
}

function look(): StreamBinding | undefined {
  try {
    const found = (
      process as unknown as { binding(name: string): Partial<StreamBinding> | undefined }
    ).binding("stream_wrap");
    const known =
      typeof found?.WriteWrap === "function" &&
      found.streamBaseState instanceof Int32Array &&
      [found.kReadBytesOrError, found.kArrayBufferOffset, found.kLastWriteWasAsync].every(Number.isInteger);
    return known ? (found as StreamBinding) : undefined;
  } catch {
    // Not in this Node, or not permitted.
    return undefined;
  }
}
