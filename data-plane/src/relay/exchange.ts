import type { Asker } from "./asker.js";
import { CurrentClient } from "./current-client.js";
import { Ledger } from "./ledger.js";
import { Remembered } from "./remembered.js";
import { Renewal } from "./renewal.js";
import { Replies } from "./replies.js";
import { Requests } from "./requests.js";

/**
 * What follows a client's requests and their answers, some twenty objects. A client has one while a request of it is under
 * way; what is to be known of it longer is in `remembered`.
 */
export class Exchange {
  readonly #client: CurrentClient;
  readonly ledger: Ledger;
  readonly requests: Requests;
  readonly replies: Replies;
  readonly renewal: Renewal;
  /** Of the last client, if it is as new: the next one's. */
  #spare: Remembered | undefined;

  constructor(asker: Asker, remembered?: Remembered) {
    const client = new CurrentClient(asker, remembered ?? new Remembered(asker.shared));
    this.#client = client;
    this.ledger = new Ledger();
    this.requests = new Requests(this.ledger, client);
    this.replies = new Replies(this.ledger, client);
    this.renewal = new Renewal(this.ledger, this.requests, this.replies);
    this.requests.reset();
  }

  get remembered(): Remembered {
    return this.#client.remembered;
  }

  /** Nothing is under way: it can follow another client's. */
  get blank(): boolean {
    return this.ledger.blank && this.requests.settled;
  }

  /** @returns what is to be remembered of the client; undefined: nothing */
  leave(): Remembered | undefined {
    const { remembered } = this.#client;
    this.#client.leave();
    // What the client has is nobody else's; and what has grown for one is not kept for all.
    if (!remembered.blank) return remembered;
    if (remembered.unnamed.small) this.#spare = remembered;
    return undefined;
  }

  /** It follows this client's from now on. `remembered`: undefined, nothing is known of it. */
  follow(asker: Asker, remembered: Remembered | undefined): void {
    const spare = this.#spare?.shared === asker.shared ? this.#spare : undefined;
    this.#spare = undefined;
    this.#client.become(asker, remembered ?? spare ?? new Remembered(asker.shared));
    this.requests.reset();
    this.replies.reset();
    this.renewal.reset();
  }
}
