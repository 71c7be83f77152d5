import type { Clock } from "@sluice/shared/time";
import { FailureBrake } from "../tenants/index.js";
import type { ClientAddress } from "../transport/index.js";
import { AddressRate } from "./address-rate.js";

/** Above what a busy application sends; a flood is a hundred times that. */
const REQUESTS = { burst: 500, perSecond: 100, entries: 20_000 };
/** A driver sends the key that it was given: wrong ones are late, or guesses. */
const WRONG_KEYS = { failures: 20, windowMs: 10_000, blockMs: 10_000, entries: 20_000 };
const KEYS = "cancel keys";

/**
 * Which cancel requests are looked at. They come from anybody, without a login: an address may send so many, and
 * fewer with keys that are nobody's. Of clients behind a balancer no
 * address is known, and nothing is counted.
 */
export class CancelGate {
  readonly #rate: AddressRate;
  readonly #wrong: FailureBrake;

  constructor(clock: Clock) {
    this.#rate = new AddressRate(clock, REQUESTS);
    this.#wrong = new FailureBrake(clock, WRONG_KEYS);
  }

  admits({ group }: ClientAddress): boolean {
    if (group === undefined) return true;
    return !this.#wrong.blocks(KEYS, group) && this.#rate.take(group);
  }

  wrongKey({ group }: ClientAddress): void {
    if (group !== undefined) this.#wrong.failed(KEYS, group);
  }
}
