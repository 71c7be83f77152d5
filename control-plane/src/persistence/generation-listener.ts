import type { Logger } from "@sluice/shared/observability";
import { Backoff, type Clock, type Timer } from "@sluice/shared/time";
import pg from "pg";
import { GENERATION_CHANNEL } from "./scope-rows.js";

/** Behind LISTEN: a notice that was lost is made up for within this time. */
const POLL_MS = 1000;
const CONNECT_TIMEOUT_MS = 5000;
const BACKOFF = { firstMs: 100, longestMs: 5000 } as const;

/** Calls when a transaction that took a generation has committed, in whatever process, and once a second anyway. */
export class GenerationListener {
  readonly #url: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #onGeneration: () => void;
  readonly #backoff = new Backoff(BACKOFF);
  #client: pg.Client | undefined;
  #poll: Timer | undefined;
  #again: Timer | undefined;
  #stopped = false;

  constructor(url: string, clock: Clock, logger: Logger, onGeneration: () => void) {
    this.#url = url;
    this.#clock = clock;
    this.#logger = logger;
    this.#onGeneration = onGeneration;
  }

  /** Does not fail: what cannot be heard is found by the poll, and the connection is tried again. */
  async start(): Promise<void> {
    this.#schedulePoll();
    await this.#connect();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#poll?.cancel();
    this.#again?.cancel();
    await this.#client?.end().catch(() => undefined);
  }

  #schedulePoll(): void {
    this.#poll = this.#clock.schedule(POLL_MS, () => {
      this.#onGeneration();
      this.#schedulePoll();
    });
  }

  async #connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#url,
      application_name: "sluice_listen",
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: CONNECT_TIMEOUT_MS,
      keepAlive: true,
    });
    this.#client = client;
    client.on("error", (error) => this.#lost(client, error));
    client.on("end", () => this.#lost(client, undefined));
    client.on("notification", () => this.#onGeneration());
    try {
      await client.connect();
      await client.query(`LISTEN ${GENERATION_CHANNEL}`);
      this.#backoff.reset();
      // What was committed while nobody listened.
      this.#onGeneration();
    } catch (error) {
      this.#lost(client, error);
    }
  }

  #lost(client: pg.Client, error: unknown): void {
    if (this.#client !== client || this.#stopped) return;
    this.#client = undefined;
    this.#logger.warn("generations are not heard, and asked for once a second until they are", { error });
    client.end().catch(() => undefined);
    // #connect handles its own failure.
    this.#again = this.#clock.schedule(this.#backoff.nextDelayMs(), () => void this.#connect());
  }
}
