import type { SluiceError } from "@sluice/shared/errors";
import { MessageWriter } from "./message-writer.js";

/** Messages that we send where PostgreSQL would. */

export type Severity = "FATAL" | "ERROR";

export function errorResponse(severity: Severity, sqlstate: string, message: string, hint?: string): Buffer {
  const writer = new MessageWriter()
    .bytes(Buffer.from("S"))
    .string(severity)
    .bytes(Buffer.from("V"))
    .string(severity)
    .bytes(Buffer.from("C"))
    .string(sqlstate)
    .bytes(Buffer.from("M"))
    .string(message);
  if (hint !== undefined) writer.bytes(Buffer.from("H")).string(hint);
  return writer.bytes(Buffer.of(0)).end("E");
}

export function errorResponseOf(severity: Severity, error: SluiceError): Buffer {
  return errorResponse(severity, error.sqlstate, error.clientMessage, error.hint);
}

/** What a client of protocol 2 can read: the type byte and text, without a length. */
export function protocol2Error(message: string): Buffer {
  return Buffer.from(`EFATAL:  ${message}\n\0`);
}

export function authenticationOk(): Buffer {
  return new MessageWriter().int32(0).end("R");
}

export function authenticationCleartext(): Buffer {
  return new MessageWriter().int32(3).end("R");
}

export function authenticationMd5(salt: Uint8Array): Buffer {
  return new MessageWriter().int32(5).bytes(salt).end("R");
}

export function authenticationSasl(mechanisms: readonly string[]): Buffer {
  const writer = new MessageWriter().int32(10);
  for (const mechanism of mechanisms) writer.string(mechanism);
  return writer.bytes(Buffer.of(0)).end("R");
}

export function authenticationSaslContinue(message: string): Buffer {
  return new MessageWriter().int32(11).bytes(Buffer.from(message)).end("R");
}

export function authenticationSaslFinal(message: string): Buffer {
  return new MessageWriter().int32(12).bytes(Buffer.from(message)).end("R");
}

export function parameterStatus(name: string, value: string): Buffer {
  return new MessageWriter().string(name).string(value).end("S");
}

export function notificationResponse(body: Uint8Array): Buffer {
  return new MessageWriter().bytes(body).end("A");
}

export function backendKeyData(pid: number, secret: Uint8Array): Buffer {
  return new MessageWriter().int32(pid).bytes(secret).end("K");
}

/** `version` whole, major part included: what PostgreSQL sends, whatever its documentation says, and libpq expects. */
export function negotiateProtocolVersion(version: number, unknownOptions: readonly string[]): Buffer {
  const writer = new MessageWriter().int32(version).int32(unknownOptions.length);
  for (const option of unknownOptions) writer.string(option);
  return writer.end("v");
}

export const READY_IDLE = new MessageWriter().bytes(Buffer.from("I")).end("Z");
