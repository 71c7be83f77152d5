import type { Batch } from "./messages.js";

/**
 * Messages to one other process. Those of a turn of the event loop go as one, since the cost is by message, and in the
 * order in which they were posted.
 */
export class Outbox<T> {
  readonly #send: (batch: Batch<T>, sent: () => void) => void;
  #waiting: T[] = [];
  #sent: (() => void)[] = [];
  #due = false;

  /** @param send calls `sent` once the batch has left, or can never leave */
  constructor(send: (batch: Batch<T>, sent: () => void) => void) {
    this.#send = send;
  }

  /** @param sent called when the message has left, for those that send a lot */
  post(message: T, sent?: () => void): void {
    this.#waiting.push(message);
    if (sent !== undefined) this.#sent.push(sent);
    if (this.#due) return;
    this.#due = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    const [batch, sent] = [this.#waiting, this.#sent];
    this.#due = false;
    this.#waiting = [];
    this.#sent = [];
    this.#send(batch, () => {
      for (const each of sent) each();
    });
  }
}
