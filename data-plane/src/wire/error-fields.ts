/** The fields of an ErrorResponse or NoticeResponse by their byte, "Error and Notice Message Fields". */
export type ErrorFields = ReadonlyMap<string, string>;

/** Tolerant: a server may leave out any field, or be cut short; what can be read is returned. */
export function decodeErrorFields(body: Buffer): ErrorFields {
  const fields = new Map<string, string>();
  let at = 0;
  while (at < body.length && body[at] !== 0) {
    const end = body.indexOf(0, at + 1);
    const valueEnd = end === -1 ? body.length : end;
    fields.set(String.fromCharCode(body[at] ?? 0), body.toString("utf8", at + 1, valueEnd));
    at = valueEnd + 1;
  }
  return fields;
}
