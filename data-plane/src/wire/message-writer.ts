/**
 * Builds one message: type byte, length (itself included), body. Protocol: "Message Formats" in PostgreSQL's
 * documentation.
 */
export class MessageWriter {
  #parts: Buffer[] = [];

  int16(value: number): this {
    const part = Buffer.allocUnsafe(2);
    part.writeInt16BE(value);
    this.#parts.push(part);
    return this;
  }

  int32(value: number): this {
    const part = Buffer.allocUnsafe(4);
    part.writeInt32BE(value | 0);
    this.#parts.push(part);
    return this;
  }

  /** A string with its terminating zero. */
  string(value: string): this {
    this.#parts.push(Buffer.from(`${value}\0`, "utf8"));
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#parts.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
    return this;
  }

  /** With a type byte; without one for the startup messages. */
  end(type?: string): Buffer {
    const body = Buffer.concat(this.#parts);
    const start = type === undefined ? 0 : 1;
    const message = Buffer.allocUnsafe(start + 4 + body.length);
    if (type !== undefined) message.write(type, 0, 1, "latin1");
    message.writeInt32BE(4 + body.length, start);
    body.copy(message, start + 4);
    return message;
  }
}
