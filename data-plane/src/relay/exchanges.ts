import type { Asker } from "./asker.js";
import { Exchange } from "./exchange.js";
import type { Remembered } from "./remembered.js";

/** More are not kept: as many requests were under way at once some time. */
const MOST_KEPT = 1000;

/**
 * Hot path: lends out what follows requests. The one that came back last goes out first, so that with a thousand clients
 * on twenty servers the same twenty are used, which the processor has in its caches; a client that asks nothing has none.
 */
export class Exchanges {
  readonly #kept: Exchange[] = [];

  /** @param remembered of this client; undefined: nothing is known of it */
  take(asker: Asker, remembered: Remembered | undefined): Exchange {
    const kept = this.#kept.pop();
    if (kept === undefined) return new Exchange(asker, remembered);
    kept.follow(asker, remembered);
    return kept;
  }

  /** @returns what is to be remembered of the client; undefined: nothing */
  giveBack(exchange: Exchange): Remembered | undefined {
    if (exchange.blank && this.#kept.length < MOST_KEPT) this.#kept.push(exchange);
    return exchange.leave();
  }
}
