import { BinaryReader, BinaryWriter, type WireType } from "@bufbuild/protobuf/wire";

/** How one field of a message is read from the wire and written to it. */
export interface Field<T> {
  readonly number: number;
  /** What a message has that does not mention the field. */
  readonly absent: T;
  /** Takes in one more occurrence on the wire. @throws when it has another wire type */
  read(reader: BinaryReader, wireType: WireType, before: T): T;
  write(writer: BinaryWriter, value: T): void;
}

type Fields = Readonly<Record<string, Field<unknown>>>;
type Content<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** A message as a table of its fields. Fields that the table does not have are passed by. */
export interface MessageType<T> {
  encode(content: Partial<T>): Uint8Array;
  /** @throws MessageMalformed */
  decode(bytes: Uint8Array): T;
}

export type ContentOf<M> = M extends MessageType<infer T> ? T : never;

export class MessageMalformed extends Error {
  constructor(cause: unknown) {
    super("the bytes are no message of the plugin protocol", { cause });
    this.name = "MessageMalformed";
  }
}

export function message<F extends Fields>(fields: F): MessageType<Content<F>> {
  type T = Content<F>;
  const entries = Object.entries(fields) as [keyof F & string, Field<unknown>][];
  const byNumber = new Map(entries.map(([name, field]) => [field.number, { name, field }]));
  return {
    encode(content) {
      const writer = new BinaryWriter();
      for (const [name, field] of entries) {
        const value = content[name];
        if (value !== undefined) field.write(writer, value);
      }
      return writer.finish();
    },
    decode(bytes) {
      const content: Record<string, unknown> = Object.fromEntries(
        entries.map(([name, field]) => [name, field.absent]),
      );
      try {
        const reader = new BinaryReader(bytes);
        while (reader.pos < reader.len) {
          const [number, wireType] = reader.tag();
          const known = byNumber.get(number);
          if (known === undefined) reader.skip(wireType, number);
          else content[known.name] = known.field.read(reader, wireType, content[known.name]);
        }
        if (reader.pos > reader.len) throw new RangeError("a field ends behind the message");
      } catch (error) {
        throw new MessageMalformed(error);
      }
      return content as T;
    },
  };
}
