import { Decoder, Encoder, ExtData, ExtensionCodec } from "@msgpack/msgpack";
import { Decimal, isList, isValues, UNKNOWN, Unknown, type Value, type ValueType } from "./value.js";

/** Plain unknown. Terraform also sends 12, which narrows what the value can be; to us it is as unknown. */
const UNKNOWN_EXTENSION = 0;

const extensions = new ExtensionCodec();
extensions.register({
  type: UNKNOWN_EXTENSION,
  encode: (input) => (input instanceof Unknown ? new Uint8Array([0]) : null),
  decode: () => UNKNOWN,
});
const encoder = new Encoder({ extensionCodec: extensions, maxDepth: 50 });
const decoder = new Decoder({ extensionCodec: extensions, useBigInt64: true, maxStrLength: 2 ** 26 });

export class ValueMalformed extends Error {
  constructor(where: string, what: string) {
    super(`${where === "" ? "the value" : where} ${what}`);
    this.name = "ValueMalformed";
  }
}

/** A value as Terraform sends it, in MessagePack; the empty text of bytes is null. @throws ValueMalformed */
export function decodeValue(bytes: Uint8Array, type: ValueType): Value {
  if (bytes.length === 0) return null;
  let decoded: unknown;
  try {
    decoded = decoder.decode(bytes);
  } catch (error) {
    throw new ValueMalformed("", `is no MessagePack: ${error instanceof Error ? error.message : error}`);
  }
  return typed(decoded, type, "");
}

/** @throws ValueMalformed when the value is not of this type: every attribute has to be there. */
export function encodeValue(value: Value, type: ValueType): Uint8Array {
  return encoder.encode(plain(value, type, ""));
}

function typed(decoded: unknown, type: ValueType, at: string): Value {
  if (decoded === null) return null;
  if (decoded instanceof Unknown || decoded instanceof ExtData) return UNKNOWN;
  if (type === "string" && typeof decoded === "string") return decoded;
  if (type === "bool" && typeof decoded === "boolean") return decoded;
  if (type === "number") return typedNumber(decoded, at);
  if (typeof type !== "string" && typeof decoded === "object") {
    const isArray = Array.isArray(decoded);
    if ((type[0] === "list" || type[0] === "set") && isArray) {
      return decoded.map((item, index) => typed(item, type[1], `${at}[${index}]`));
    }
    const given = decoded as Readonly<Record<string, unknown>>;
    if (type[0] === "map" && !isArray) {
      return mapped(given, (item, name) => typed(item, type[1], `${at}.${name}`));
    }
    if (type[0] === "object" && !isArray) {
      return mapped(given, (item, name) => typed(item, attributeType(type[1], name, at), `${at}.${name}`));
    }
  }
  throw new ValueMalformed(at, `is not of type ${JSON.stringify(type)}`);
}

/** Terraform writes what is no int64 and no exact double as decimal text. */
function typedNumber(decoded: unknown, at: string): Value {
  if (typeof decoded === "number") return decoded;
  if (typeof decoded === "bigint") {
    return Number.isSafeInteger(Number(decoded)) ? Number(decoded) : new Decimal(String(decoded));
  }
  if (typeof decoded === "string") return new Decimal(decoded);
  throw new ValueMalformed(at, "is no number");
}

/** What the MessagePack encoder takes; objects with exactly the attributes of their type. */
function plain(value: Value, type: ValueType, at: string): unknown {
  if (value === null || value instanceof Unknown) return value;
  if (value instanceof Decimal) return value.text;
  if (typeof type === "string") {
    if (typeof value === (type === "bool" ? "boolean" : type)) return value;
  } else if (isList(value) && (type[0] === "list" || type[0] === "set")) {
    return value.map((item, index) => plain(item, type[1], `${at}[${index}]`));
  } else if (isValues(value) && type[0] === "map") {
    return mapped(value, (item, name) => plain(item, type[1], `${at}.${name}`));
  } else if (isValues(value) && type[0] === "object") {
    const missing = Object.keys(type[1]).filter((name) => !Object.hasOwn(value, name));
    if (missing.length > 0) throw new ValueMalformed(at, `lacks ${missing.join(", ")}`);
    return mapped(value, (item, name) => plain(item, attributeType(type[1], name, at), `${at}.${name}`));
  }
  throw new ValueMalformed(at, `is not of type ${JSON.stringify(type)}`);
}

function mapped<T, R>(
  from: Readonly<Record<string, T>>,
  each: (item: T, name: string) => R,
): Readonly<Record<string, R>> {
  return Object.fromEntries(Object.entries(from).map(([name, item]) => [name, each(item, name)]));
}

function attributeType(attributes: Readonly<Record<string, ValueType>>, name: string, at: string): ValueType {
  const type = attributes[name];
  if (type === undefined) throw new ValueMalformed(at, `has no attribute ${name}`);
  return type;
}
