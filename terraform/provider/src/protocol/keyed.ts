import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Field, MessageType } from "./message.js";

const KEY = 1;
const VALUE = 2;

/** A map of texts to messages: on the wire, entries of two fields. */
export function keyed<T>(number: number, type: () => MessageType<T>): Field<ReadonlyMap<string, Partial<T>>> {
  return {
    number,
    absent: new Map(),
    read(reader, wireType, before) {
      if (wireType !== WireType.LengthDelimited) throw new RangeError(`wire type ${wireType} of a map`);
      return new Map([...before, readEntry(new BinaryReader(reader.bytes()), type())]);
    },
    write(writer, entries) {
      for (const [key, value] of entries) {
        const entry = new BinaryWriter().tag(KEY, WireType.LengthDelimited).string(key);
        entry.tag(VALUE, WireType.LengthDelimited).bytes(type().encode(value));
        writer.tag(number, WireType.LengthDelimited).bytes(entry.finish());
      }
    },
  };
}

function readEntry<T>(reader: BinaryReader, type: MessageType<T>): [string, T] {
  let key = "";
  let value: Uint8Array = new Uint8Array(0);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === KEY && wireType === WireType.LengthDelimited) key = reader.string();
    else if (number === VALUE && wireType === WireType.LengthDelimited) value = reader.bytes();
    else reader.skip(wireType, number);
  }
  return [key, type.decode(value)];
}
