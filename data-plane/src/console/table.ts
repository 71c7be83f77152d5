import { MessageWriter } from "../wire/index.js";

export type Cell = string | number | undefined;

/** What a SHOW answers. */
export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

const TEXT_OID = 25;
const INT8_OID = 20;
const VARIABLE_LENGTH = -1;
const INT8_LENGTH = 8;
const NULL_LENGTH = -1;

/** RowDescription and DataRows, all in text format. A column of whole numbers is an int8. */
export function encodeTable({ columns, rows }: Table): Buffer {
  const description = new MessageWriter().int16(columns.length);
  columns.forEach((name, column) => {
    const whole = rows.length > 0 && rows.every((row) => Number.isInteger(row[column]));
    description
      .string(name)
      .int32(0)
      .int16(0)
      .int32(whole ? INT8_OID : TEXT_OID)
      .int16(whole ? INT8_LENGTH : VARIABLE_LENGTH)
      .int32(-1)
      .int16(0);
  });
  const messages = [description.end("T")];
  for (const row of rows) {
    const message = new MessageWriter().int16(row.length);
    for (const cell of row) {
      if (cell === undefined) {
        message.int32(NULL_LENGTH);
        continue;
      }
      const text = Buffer.from(String(cell), "utf8");
      message.int32(text.length).bytes(text);
    }
    messages.push(message.end("D"));
  }
  return Buffer.concat(messages);
}

export function commandComplete(tag: string): Buffer {
  return new MessageWriter().string(tag).end("C");
}

export const EMPTY_QUERY = new MessageWriter().end("I");
