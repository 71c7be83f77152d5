import type { Logger } from "@sluice/shared/observability";
import type { Clock, Timer } from "@sluice/shared/time";
import type { FleetStore } from "./fleet-store.js";
import { nameOf } from "./instance.js";

const EVERY_MS = 10 * 60_000;
const FIRST_MS = 30_000;
const DAY_MS = 24 * 3600 * 1000;

/** Forgets data planes that vanished some days ago, and what is known of old generations. Every replica does it. */
export class Forgetting {
  readonly #store: FleetStore;
  readonly #days: number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(store: FleetStore, days: number, clock: Clock, logger: Logger) {
    this.#store = store;
    this.#days = days;
    this.#clock = clock;
    this.#logger = logger;
  }

  start(): void {
    this.#after(FIRST_MS);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async run(): Promise<void> {
    const forgotten = await this.#store.prune(new Date(this.#clock.now() - this.#days * DAY_MS));
    if (forgotten.length > 0) {
      this.#logger.info("data planes that vanished are forgotten", { instances: forgotten.map(nameOf) });
    }
  }

  #after(delayMs: number): void {
    this.#timer = this.#clock.schedule(delayMs, () => {
      this.run()
        .catch((error: unknown) =>
          this.#logger.warn("vanished data planes could not be forgotten", { error }),
        )
        .finally(() => {
          if (!this.#stopped) this.#after(EVERY_MS);
        });
    });
  }
}
