import { Frontend, isFrontendType, MalformedMessage, READY_IDLE } from "../wire/index.js";

/**
 * Answers requests that cannot be served, as a server would that fails at each: an error for a Query, and for the first
 * message of a batch, whose rest is skipped up to its Sync.
 */
export class RefusedRequests {
  readonly #error: Buffer;
  readonly #answers: Buffer[] = [];
  #header = Buffer.alloc(0);
  #remaining = 0;
  #skipping = false;
  terminated = false;

  constructor(error: Buffer) {
    this.#error = error;
  }

  /** The next message begins something new. */
  get settled(): boolean {
    return this.#header.length === 0 && this.#remaining === 0 && !this.#skipping;
  }

  /** What the client is to be told. */
  takeAnswers(): Buffer {
    return Buffer.concat(this.#answers.splice(0));
  }

  /**
   * Reads on, to the end or up to where something new begins; returns how far.
   * @throws MalformedMessage
   */
  read(segment: Buffer, toEnd: boolean): number {
    let at = 0;
    while (at < segment.length) {
      if (!toEnd && this.settled) return at;
      if (this.#remaining > 0) {
        const part = Math.min(this.#remaining, segment.length - at);
        this.#remaining -= part;
        at += part;
        continue;
      }
      const taken = segment.subarray(at, at + 5 - this.#header.length);
      this.#header = Buffer.concat([this.#header, taken]);
      at += taken.length;
      const type = this.#header[0] as number;
      if (!isFrontendType(type)) throw new MalformedMessage("unknown message type");
      if (this.#header.length < 5) break;
      const length = this.#header.readInt32BE(1);
      this.#header = Buffer.alloc(0);
      if (length < 4) throw new MalformedMessage("bad message length");
      this.#remaining = length - 4;
      this.#answer(type);
      if (this.terminated) return segment.length;
    }
    return at;
  }

  #answer(type: number): void {
    switch (type) {
      case Frontend.Terminate:
        this.terminated = true;
        break;
      case Frontend.Sync:
        this.#skipping = false;
        this.#answers.push(READY_IDLE);
        break;
      case Frontend.Query:
      case Frontend.FunctionCall:
        if (!this.#skipping) this.#answers.push(this.#error, READY_IDLE);
        break;
      case Frontend.Parse:
      case Frontend.Bind:
      case Frontend.Describe:
      case Frontend.Execute:
      case Frontend.Close:
        if (!this.#skipping) this.#answers.push(this.#error);
        this.#skipping = true;
        break;
    }
  }
}
