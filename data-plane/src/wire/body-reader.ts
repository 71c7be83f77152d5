import { MalformedMessage } from "./malformed-message.js";

/** Reads the body of one whole message; throws MalformedMessage where the body ends too soon. */
export class BodyReader {
  readonly #body: Buffer;
  #at = 0;

  constructor(body: Buffer) {
    this.#body = body;
  }

  get remaining(): number {
    return this.#body.length - this.#at;
  }

  byte(): number {
    return this.#take(1)[0] ?? 0;
  }

  int16(): number {
    return this.#take(2).readInt16BE();
  }

  int32(): number {
    return this.#take(4).readInt32BE();
  }

  bytes(length: number): Buffer {
    return this.#take(length);
  }

  /** Up to the next zero, which is skipped. */
  string(): string {
    const end = this.#body.indexOf(0, this.#at);
    if (end === -1) throw new MalformedMessage("a string has no end");
    const value = this.#body.toString("utf8", this.#at, end);
    this.#at = end + 1;
    return value;
  }

  #take(length: number): Buffer {
    if (length < 0 || length > this.remaining) throw new MalformedMessage("the message is too short");
    const part = this.#body.subarray(this.#at, this.#at + length);
    this.#at += length;
    return part;
  }
}
