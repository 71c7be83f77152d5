import { type BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import type { Field, MessageType } from "./message.js";

/** Protocol Buffers, https://protobuf.dev/programming-guides/encoding: what equals its absence is not written. */
export function text(number: number): Field<string> {
  return {
    number,
    absent: "",
    read: (reader, wireType) => delimited(reader, wireType).string(),
    write(writer, value) {
      if (value !== "") writer.tag(number, WireType.LengthDelimited).string(value);
    },
  };
}

export function bytes(number: number): Field<Uint8Array> {
  return {
    number,
    absent: new Uint8Array(0),
    read: (reader, wireType) => delimited(reader, wireType).bytes(),
    write(writer, value) {
      if (value.length > 0) writer.tag(number, WireType.LengthDelimited).bytes(value);
    },
  };
}

export function flag(number: number): Field<boolean> {
  return {
    number,
    absent: false,
    read: (reader, wireType) => varint(reader, wireType).bool(),
    write(writer, value) {
      if (value) writer.tag(number, WireType.Varint).bool(true);
    },
  };
}

/** An int64 or an enum that is a safe integer. */
export function integer(number: number): Field<number> {
  return {
    number,
    absent: 0,
    read: readInteger,
    write(writer, value) {
      if (value !== 0) writer.tag(number, WireType.Varint).int64(value);
    },
  };
}

/** A scalar of which 0 differs from nothing. */
export function optionalInteger(number: number): Field<number | undefined> {
  return {
    number,
    absent: undefined,
    read: readInteger,
    write(writer, value) {
      if (value !== undefined) writer.tag(number, WireType.Varint).int64(value);
    },
  };
}

/** One of a choice, where the empty text differs from nothing. */
export function optionalText(number: number): Field<string | undefined> {
  return {
    number,
    absent: undefined,
    read: (reader, wireType) => delimited(reader, wireType).string(),
    write(writer, value) {
      if (value !== undefined) writer.tag(number, WireType.LengthDelimited).string(value);
    },
  };
}

export function nested<T>(number: number, type: () => MessageType<T>): Field<Partial<T> | undefined> {
  return {
    number,
    absent: undefined,
    read: (reader, wireType) => type().decode(delimited(reader, wireType).bytes()),
    write(writer, value) {
      if (value !== undefined) writer.tag(number, WireType.LengthDelimited).bytes(type().encode(value));
    },
  };
}

export function list<T>(number: number, type: () => MessageType<T>): Field<readonly Partial<T>[]> {
  return {
    number,
    absent: [],
    read: (reader, wireType, before) => [...before, type().decode(delimited(reader, wireType).bytes())],
    write(writer, value) {
      for (const item of value) writer.tag(number, WireType.LengthDelimited).bytes(type().encode(item));
    },
  };
}

function readInteger(reader: BinaryReader, wireType: WireType): number {
  const value = Number(varint(reader, wireType).int64());
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not a safe integer`);
  return value;
}

function delimited(reader: BinaryReader, wireType: WireType): BinaryReader {
  return expected(reader, wireType, WireType.LengthDelimited);
}

function varint(reader: BinaryReader, wireType: WireType): BinaryReader {
  return expected(reader, wireType, WireType.Varint);
}

function expected(reader: BinaryReader, wireType: WireType, due: WireType): BinaryReader {
  if (wireType !== due) throw new RangeError(`wire type ${wireType} where ${due} is due`);
  return reader;
}
