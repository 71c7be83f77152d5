import { TransactionStatus } from "../wire/index.js";
import type { Ledger } from "./ledger.js";
import type { Replies } from "./replies.js";
import type { Requests } from "./requests.js";

/**
 * Sends a batch again when the server's copy of a statement in it was out of date (`cached plan must not change result
 * type`), if the client cannot tell: it came whole and alone, nothing of it has been answered, no transaction is open,
 * and the client does not know the columns yet.
 */
export class Renewal {
  readonly #ledger: Ledger;
  readonly #requests: Requests;
  readonly #replies: Replies;
  #batch: Buffer | undefined;
  #renewed = false;

  constructor(ledger: Ledger, requests: Requests, replies: Replies) {
    this.#ledger = ledger;
    this.#requests = requests;
    this.#replies = replies;
  }

  /** The requests are another client's from now on. */
  reset(): void {
    this.#batch = undefined;
    this.#renewed = false;
  }

  /** A batch waits to be sent again. */
  get due(): boolean {
    return this.#batch !== undefined;
  }

  /** The server has said so. */
  outdated(transactionStatus: number | undefined): void {
    const [requests, ledger] = [this.#requests, this.#ledger];
    const batch = requests.replay();
    const found = batch === undefined ? undefined : requests.firstStatement(batch);
    const again =
      found !== undefined &&
      !this.#renewed &&
      ledger.owed === 1 &&
      ledger.answered === 0 &&
      transactionStatus === TransactionStatus.idle &&
      requests.settled &&
      requests.mayRenew(found) &&
      this.#replies.swallowError();
    requests.renewStatements();
    if (!again) return;
    this.#replies.swallowReady();
    this.#batch = batch;
  }

  /** To be sent again now. Another failure of it is the client's. */
  take(): Buffer | undefined {
    const batch = this.#batch;
    if (batch === undefined) return undefined;
    this.#batch = undefined;
    this.#renewed = true;
    return batch;
  }

  /** What was asked has been answered. */
  answered(): void {
    if (this.#batch === undefined) this.#renewed = false;
  }
}
