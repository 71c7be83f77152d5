import { MessageWriter } from "./message-writer.js";
import { PROTOCOL_3_0, STARTUP_CODE } from "./startup-packet.js";

/** Messages that we send to a server. */

export function startupMessage(parameters: ReadonlyMap<string, string>): Buffer {
  const writer = new MessageWriter().int32(PROTOCOL_3_0);
  for (const [name, value] of parameters) writer.string(name).string(value);
  return writer.bytes(Buffer.of(0)).end();
}

export const SSL_REQUEST = new MessageWriter().int32(STARTUP_CODE.ssl).end();

export function cancelRequest(pid: number, secret: Uint8Array): Buffer {
  return new MessageWriter().int32(STARTUP_CODE.cancel).int32(pid).bytes(secret).end();
}

export function passwordMessage(password: string): Buffer {
  return new MessageWriter().string(password).end("p");
}

export function saslInitialResponse(mechanism: string, message: string): Buffer {
  const body = Buffer.from(message);
  return new MessageWriter().string(mechanism).int32(body.length).bytes(body).end("p");
}

export function saslResponse(message: string): Buffer {
  return new MessageWriter().bytes(Buffer.from(message)).end("p");
}

export function query(text: string): Buffer {
  return new MessageWriter().string(text).end("Q");
}

export const TERMINATE = new MessageWriter().end("X");

export const SYNC = new MessageWriter().end("S");

export const COPY_FAIL = new MessageWriter().string("the client is gone").end("f");
