import { createHash } from "node:crypto";
import type { RawMessage } from "../../support/protocol.js";

const LONG = 400;
/** Object ids below are the same in every database. */
const FIRST_NORMAL_OID = 16384;

/**
 * A message as one line that says all of its bytes, apart from what differs from run to run by nature: process ids,
 * and object ids of things that a script has made.
 */
export function lineOf({ type, body }: RawMessage): string {
  switch (type) {
    case "T":
      return `T ${columns(body).join(" ")}`;
    case "D":
      return `D ${values(body).join(" ")}`;
    case "E":
    case "N":
      return `${type} ${fields(body)}`;
    case "A":
      return `A pid ${text(body.subarray(4))}`;
    case "t":
      return `t ${typesOf(body).join(" ")}`;
    case "d":
      return `d ${text(body)}`;
    default:
      return `${type} ${text(body)}`;
  }
}

function text(bytes: Buffer): string {
  if (bytes.length > LONG) {
    const digest = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
    return `${bytes.length} bytes, sha256 ${digest}, ${JSON.stringify(bytes.toString("latin1", 0, 40))}...`;
  }
  return JSON.stringify(bytes.toString("latin1"));
}

function oid(value: number): string {
  return value >= FIRST_NORMAL_OID ? "made" : String(value);
}

function columns(body: Buffer): string[] {
  const lines: string[] = [];
  let at = 2;
  for (let left = body.readUInt16BE(0); left > 0; left--) {
    const end = body.indexOf(0, at);
    const name = text(body.subarray(at, end));
    at = end + 1;
    const [table, column] = [oid(body.readUInt32BE(at)), body.readInt16BE(at + 4)];
    const [kind, size] = [oid(body.readUInt32BE(at + 6)), body.readInt16BE(at + 10)];
    const [modifier, format] = [body.readInt32BE(at + 12), body.readInt16BE(at + 16)];
    lines.push(`${name}:${table}.${column}:${kind}:${size}:${modifier}:${format}`);
    at += 18;
  }
  return at === body.length ? lines : [...lines, text(body.subarray(at))];
}

function values(body: Buffer): string[] {
  const lines: string[] = [];
  let at = 2;
  for (let left = body.readUInt16BE(0); left > 0; left--) {
    const length = body.readInt32BE(at);
    at += 4;
    lines.push(length === -1 ? "NULL" : text(body.subarray(at, at + length)));
    at += Math.max(length, 0);
  }
  return at === body.length ? lines : [...lines, text(body.subarray(at))];
}

function typesOf(body: Buffer): string[] {
  return Array.from({ length: body.readUInt16BE(0) }, (_, n) => oid(body.readUInt32BE(2 + 4 * n)));
}

function fields(body: Buffer): string {
  return body
    .toString("latin1")
    .split("\0")
    .filter((field) => field !== "")
    .map((field) => JSON.stringify(field.replace(/(process|PID) \d+/gi, "$1 N")))
    .join(" ");
}
