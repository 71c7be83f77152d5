import { messageOf } from "@sluice/shared/errors";
import type { Logger } from "@sluice/shared/observability";
import type { Clock, Timer } from "@sluice/shared/time";
import { traceAck } from "./ack-spans.js";
import type { AckNote, FleetStore, ResultNote } from "./fleet-store.js";
import { type InstanceStatus, nameOf } from "./instance.js";

export interface FleetLedgerOptions {
  readonly store: FleetStore;
  /** This process among the replicas. */
  readonly controlPlane: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** For each generation that an instance acks: ms since its commit. */
  readonly onAcked: (commitToAckMs: number) => void;
}

/** What data planes say within this time is written in one statement. */
const JOIN_MS = 40;
const TOUCH_MS = 10_000;
const RETRY_MS = 1000;
/** Beyond it the oldest acks are dropped while the database is away; statuses are one for each instance. */
const MOST_PENDING = 20_000;

interface Heard<T> {
  readonly note: T;
  readonly atMs: number;
}

/** Writes down what the data planes of this process say: the newest status of each, and every ack. */
export class FleetLedger {
  readonly #options: FleetLedgerOptions;
  readonly #statuses = new Map<string, InstanceStatus>();
  #acks: Heard<Omit<AckNote, "ageMs">>[] = [];
  #results: ResultNote[] = [];
  #timer: Timer | undefined;
  #touching: Timer | undefined;
  #writing: Promise<void> | undefined;
  #failing = false;
  #stopped = false;

  constructor(options: FleetLedgerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#touchLater();
  }

  /** What is pending is written. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#touching?.cancel();
    await this.#writing;
    this.#timer?.cancel();
    await this.#write();
    this.#timer?.cancel();
  }

  status(status: InstanceStatus): void {
    this.#statuses.set(nameOf(status), status);
    this.#writeSoon(JOIN_MS);
  }

  ack(note: Omit<AckNote, "ageMs">): void {
    this.#acks.push({ note, atMs: this.#options.clock.monotonic() });
    if (this.#acks.length > MOST_PENDING) this.#acks.shift();
    this.#writeSoon(JOIN_MS);
  }

  result(note: ResultNote): void {
    this.#results.push(note);
    if (this.#results.length > MOST_PENDING) this.#results.shift();
    this.#writeSoon(JOIN_MS);
  }

  #writeSoon(delayMs: number): void {
    if (this.#timer !== undefined || this.#writing !== undefined) return;
    this.#timer = this.#options.clock.schedule(delayMs, () => {
      this.#timer = undefined;
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined;
        if (this.#statuses.size + this.#acks.length + this.#results.length > 0) {
          this.#writeSoon(this.#failing ? RETRY_MS : JOIN_MS);
        }
      });
    });
  }

  /** Does not fail: what could not be written is tried again, unless something newer has come. */
  async #write(): Promise<void> {
    const { store, controlPlane, clock, logger, onAcked } = this.#options;
    const statuses = new Map(this.#statuses);
    const acks = this.#acks;
    const results = this.#results;
    if (statuses.size + acks.length + results.length === 0) return;
    this.#statuses.clear();
    this.#acks = [];
    this.#results = [];
    try {
      const nowMs = clock.monotonic();
      const acked = await store.write({
        controlPlane,
        statuses: [...statuses.values()],
        acks: acks.map(({ note, atMs }) => ({ ...note, ageMs: Math.round(nowMs - atMs) })),
        results,
      });
      this.#failing = false;
      for (const ack of acked) {
        traceAck(ack);
        if (ack.nackCode === null) onAcked(ack.commitToAckMs);
      }
    } catch (error) {
      if (!this.#failing)
        logger.warn("the fleet's status cannot be written; tried again", { reason: messageOf(error) });
      this.#failing = true;
      for (const [name, status] of statuses) if (!this.#statuses.has(name)) this.#statuses.set(name, status);
      this.#acks = [...acks, ...this.#acks].slice(-MOST_PENDING);
      this.#results = [...results, ...this.#results].slice(-MOST_PENDING);
    }
  }

  #touchLater(): void {
    const { clock, store, controlPlane, logger } = this.#options;
    this.#touching = clock.schedule(TOUCH_MS, () => {
      store
        .touch(controlPlane, new Date(clock.now()))
        .catch((error: unknown) => logger.debug("open streams could not be written down", { error }))
        .finally(() => {
          if (!this.#stopped) this.#touchLater();
        });
    });
  }
}
