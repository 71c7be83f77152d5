import { GRPC_STATUS, GrpcFailure } from "./grpc-status.js";

/** A flag and the length of the message stand before it (gRPC over HTTP/2, "Length-Prefixed-Message"). */
const PREFIX_BYTES = 5;

/** States of thousands of resources never come in one call; this is only against a peer that has gone mad. */
export const MOST_MESSAGE_BYTES = 256 * 1024 * 1024;

export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.alloc(PREFIX_BYTES + message.length);
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, PREFIX_BYTES);
  return framed;
}

/** The one message of a request. @throws GrpcFailure */
export function unframe(body: Buffer): Uint8Array {
  if (body.length < PREFIX_BYTES) throw new GrpcFailure(GRPC_STATUS.internal, "the request has no message");
  if (body[0] !== 0) {
    throw new GrpcFailure(GRPC_STATUS.unimplemented, "compressed messages are not understood");
  }
  const length = body.readUInt32BE(1);
  if (body.length !== PREFIX_BYTES + length) {
    throw new GrpcFailure(GRPC_STATUS.internal, "the request is not one whole message");
  }
  return body.subarray(PREFIX_BYTES);
}
