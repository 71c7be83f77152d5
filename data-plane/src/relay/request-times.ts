import type { Clock } from "@sluice/shared/time";
import type { PoolMeter } from "../metrics/index.js";
import type { Timeouts } from "./timeouts.js";

/** What has lasted for longer than it may. */
export type Overdue = "client idle" | "transaction" | "idle in transaction" | "query";

/** Hot path: since when a client's requests and transactions go on. */
export class RequestTimes {
  readonly #clock: Clock;
  readonly #meter: PoolMeter;
  /** When anything went either way last. */
  #activeAtMs: number;
  /** When the oldest request that is owed an answer was sent. */
  #askedAtMs = 0;
  /** When the transaction began; 0: there is none. */
  #begunAtMs = 0;
  #queryTimedOut = false;

  constructor(clock: Clock, meter: PoolMeter) {
    this.#clock = clock;
    this.#meter = meter;
    this.#activeAtMs = clock.monotonic();
  }

  get quietForMs(): number {
    return this.#clock.monotonic() - this.#activeAtMs;
  }

  /** Something came from the client; `asks`: there was nothing to be answered before. */
  arrived(asks: boolean): void {
    this.#activeAtMs = this.#clock.monotonic();
    if (asks) this.#askedAtMs = this.#activeAtMs;
    if (this.#begunAtMs === 0) this.#begunAtMs = this.#activeAtMs;
  }

  /** ReadyForQuery: the client's own, or of what it did not ask; `idle`: no transaction is open, `more` is asked. */
  ready(own: boolean, idle: boolean, more: boolean): void {
    const nowMs = this.#clock.monotonic();
    this.#activeAtMs = nowMs;
    if (own) this.#meter.queryDone(nowMs - this.#askedAtMs);
    this.#askedAtMs = nowMs;
    this.#queryTimedOut = false;
    if (!idle) return;
    if (this.#begunAtMs !== 0) this.#meter.transactionDone(nowMs - this.#begunAtMs);
    // Of what the client has sent ahead the next one begins now.
    this.#begunAtMs = more ? nowMs : 0;
  }

  /** No transaction goes on. */
  none(): void {
    this.#begunAtMs = 0;
  }

  /** Between transactions. */
  idleOverdue({ clientIdleMs }: Timeouts): Overdue | undefined {
    this.none();
    return this.#over(clientIdleMs, this.#activeAtMs) ? "client idle" : undefined;
  }

  /** Inside of one; `asking`: an answer is owed. A query is told once: what does not heed it would be with each look. */
  overdue(timeouts: Timeouts, asking: boolean): Overdue | undefined {
    if (this.#over(timeouts.transactionMs, this.#begunAtMs)) return "transaction";
    if (!asking)
      return this.#over(timeouts.idleTransactionMs, this.#activeAtMs) ? "idle in transaction" : undefined;
    if (this.#queryTimedOut || !this.#over(timeouts.queryMs, this.#askedAtMs)) return undefined;
    this.#queryTimedOut = true;
    return "query";
  }

  #over(limitMs: number, sinceMs: number): boolean {
    return limitMs > 0 && this.#clock.monotonic() - sinceMs >= limitMs;
  }
}
