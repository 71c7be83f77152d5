import { Backoff, type Clock } from "@sluice/shared/time";

const BACKOFF = { firstMs: 100, longestMs: 30_000 };
/** A connection that has been good for so long was in order; one that ends before may end again at once. */
const LASTING_MS = 30_000;
/** Another data plane has our identity: each takes the other's place, so both are slow to. From half of it to 1.5 times. */
const SUPERSEDED_MS = 60_000;
/** After a drain there is another control plane to go to; a fleet should not arrive there at one moment. */
const DRAINED_SPREAD_MS = 1000;

/** How long to wait for the next connection, by how the last one ended. In ms. */
export class Reconnection {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #backoff: Backoff;
  /** Undefined: the connection that is open has not been of use yet, or none is open. */
  #goodSinceMs: number | undefined;

  constructor(clock: Clock, random: () => number = Math.random) {
    this.#clock = clock;
    this.#random = random;
    this.#backoff = new Backoff(BACKOFF, random);
  }

  /** The connection has brought something that could be used. */
  good(): void {
    this.#goodSinceMs ??= this.#clock.monotonic();
  }

  /** The control plane has sent this data plane on: nothing is wrong. */
  afterDrain(): number {
    this.#ended();
    return this.#random() * DRAINED_SPREAD_MS;
  }

  afterFailure(): number {
    this.#ended();
    return this.#backoff.nextDelayMs();
  }

  afterSuperseded(): number {
    this.#ended();
    return SUPERSEDED_MS * (0.5 + this.#random());
  }

  #ended(): void {
    const goodSinceMs = this.#goodSinceMs;
    this.#goodSinceMs = undefined;
    if (goodSinceMs !== undefined && this.#clock.monotonic() - goodSinceMs >= LASTING_MS)
      this.#backoff.reset();
  }
}
