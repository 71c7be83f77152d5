/**
 * The Postgres protocol, built by hand and apart from `data-plane/src/wire`: a fault there must not hide itself in
 * the test that looks for it. Lengths may be told wrong on purpose.
 */

export interface RawMessage {
  readonly type: string;
  readonly body: Buffer;
}

export const SSL_REQUEST = Buffer.from("0000000804d2162f", "hex");
export const GSSENC_REQUEST = Buffer.from("0000000804d21630", "hex");
export const PROTOCOL_3_0 = 0x0003_0000;
export const PROTOCOL_3_2 = 0x0003_0002;

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export function cstring(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}

/** A message; `length` replaces the length that would be true. */
export function message(type: string, body: Uint8Array = Buffer.alloc(0), length = body.length + 4): Buffer {
  return Buffer.concat([Buffer.from(type, "latin1"), int32(length), body]);
}

/** A packet without a type byte. */
export function packet(code: number, body: Uint8Array = Buffer.alloc(0), length = body.length + 8): Buffer {
  return Buffer.concat([int32(length), int32(code), body]);
}

export function startup(parameters: Readonly<Record<string, string>>, version = PROTOCOL_3_0): Buffer {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => [cstring(name), cstring(value)]);
  return packet(version, Buffer.concat([...pairs, Buffer.of(0)]));
}

export function cancelRequest(pid: number, secret: Uint8Array): Buffer {
  return packet(0x04d2162e, Buffer.concat([int32(pid), secret]));
}

export function query(sql: string): Buffer {
  return message("Q", cstring(sql));
}

export const TERMINATE = message("X");

/** Fields of an ErrorResponse or NoticeResponse by their letter. */
export function errorFields(body: Buffer): Readonly<Record<string, string>> {
  const fields: Record<string, string> = {};
  for (const part of body.toString("utf8").split("\0"))
    if (part !== "") fields[part[0] ?? ""] = part.slice(1);
  return fields;
}

/** The first whole message of `held` and what comes behind it. */
export function splitMessage(
  held: Buffer,
): { readonly message: RawMessage; readonly rest: Buffer } | undefined {
  if (held.length < 5) return undefined;
  const length = held.readInt32BE(1);
  if (length < 4) throw new Error(`the other side sent a message of length ${length}`);
  if (held.length < 1 + length) return undefined;
  return {
    message: { type: held.toString("latin1", 0, 1), body: held.subarray(5, 1 + length) },
    rest: held.subarray(1 + length),
  };
}
