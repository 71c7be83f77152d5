import { cstring, int32, message } from "./protocol.js";

/** Messages that a client sends after its login, in the protocol's own names. */

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value & 0xffff);
  return bytes;
}

/** A text, bytes as they are, or NULL. */
export type Value = string | Buffer | null;

function counted(value: Value): Buffer {
  if (value === null) return int32(-1);
  const bytes = typeof value === "string" ? Buffer.from(value) : value;
  return Buffer.concat([int32(bytes.length), bytes]);
}

function codes(formats: readonly number[]): Buffer {
  return Buffer.concat([int16(formats.length), ...formats.map(int16)]);
}

/** `types` are object ids; 0 leaves a type to the server. */
export function parse(sql: string, name = "", types: readonly number[] = []): Buffer {
  return message(
    "P",
    Buffer.concat([cstring(name), cstring(sql), int16(types.length), ...types.map((type) => int32(type))]),
  );
}

export interface BindOptions {
  readonly portal?: string;
  readonly statement?: string;
  readonly values?: readonly Value[];
  /** 0 text, 1 binary: none, one for all, or one each. */
  readonly formats?: readonly number[];
  readonly results?: readonly number[];
}

export function bind({
  portal = "",
  statement = "",
  values = [],
  formats = [],
  results = [],
}: BindOptions = {}): Buffer {
  return message(
    "B",
    Buffer.concat([
      cstring(portal),
      cstring(statement),
      codes(formats),
      int16(values.length),
      ...values.map(counted),
      codes(results),
    ]),
  );
}

export type Named = "S" | "P";

export function describe(kind: Named, name = ""): Buffer {
  return message("D", Buffer.concat([Buffer.from(kind), cstring(name)]));
}

export function close(kind: Named, name = ""): Buffer {
  return message("C", Buffer.concat([Buffer.from(kind), cstring(name)]));
}

/** 0 rows: all of them. */
export function execute(portal = "", rows = 0): Buffer {
  return message("E", Buffer.concat([cstring(portal), int32(rows)]));
}

export const SYNC = message("S");
export const FLUSH = message("H");

export function copyData(data: string | Buffer): Buffer {
  return message("d", typeof data === "string" ? Buffer.from(data) : data);
}

export const COPY_DONE = message("c");

export function copyFail(reason: string): Buffer {
  return message("f", cstring(reason));
}

/** By the function's object id. */
export function functionCall(
  oid: number,
  values: readonly Value[],
  formats: readonly number[] = [],
  result = 0,
): Buffer {
  return message(
    "F",
    Buffer.concat([int32(oid), codes(formats), int16(values.length), ...values.map(counted), int16(result)]),
  );
}
