import type { Socket } from "node:net";
import type { PoolMode } from "@sluice/shared/tenant";
import { type Clock, type Deadline, within } from "@sluice/shared/time";

export interface DealtClient {
  /** Rises with each that is dealt. */
  readonly number: number;
  readonly socket: Socket;
  readonly mode: PoolMode;
}

/** Sends a client to a worker's process, and keeps it open here: see ClientDealer. */
export type GiveClient = (client: DealtClient) => void;

interface Hand {
  readonly give: GiveClient;
  /** Given, and not heard of yet. A worker takes them in this order. */
  underWay: UnderWay[];
}

interface UnderWay {
  readonly number: number;
  readonly socket: Socket;
  readonly sinceMs: number;
}

/** Given to one worker at a time: one whose event loop is busy gets no more, and the others do. */
const MOST_UNDER_WAY = 4;
/** Beyond these the workers are all stuck, or there is none. */
const MOST_WAITING = 10_000;
/** Not heard of for so long, it has not arrived. */
const LOST_AFTER_MS = 5000;

/**
 * Deals clients to the workers in turn, as fast as each takes them. Until a worker has said so, a client is open in the
 * primary, too: so it can be closed when the worker ends first, and does not wait for somebody who is not there.
 *
 * A worker that may open no more files is not given the socket that was sent to it; Node tries four times, and then
 * nobody is told. So what was given before a client that has arrived, and what is not heard of in time, is lost.
 */
export class ClientDealer {
  readonly #clock: Clock;
  readonly #hands = new Map<number, Hand>();
  readonly #waiting: DealtClient[] = [];
  #lastNumber = 0;
  #lookOutSet = false;
  #settled: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  attach(worker: number, give: GiveClient): void {
    this.#hands.set(worker, { give, underWay: [] });
    this.#dealOn();
  }

  detach(worker: number): void {
    for (const { socket } of this.#hands.get(worker)?.underWay ?? []) socket.destroy();
    this.#hands.delete(worker);
    this.#settleIfDone();
  }

  deal(socket: Socket, mode: PoolMode): void {
    if (this.#waiting.length >= MOST_WAITING) {
      socket.destroy();
      return;
    }
    this.#lastNumber += 1;
    this.#waiting.push({ number: this.#lastNumber, socket, mode });
    this.#dealOn();
  }

  /** A worker has taken this one, and none will come that was given to it before. */
  taken(worker: number, number: number): void {
    this.#close(worker, (client) => client.number <= number);
    this.#dealOn();
    this.#settleIfDone();
  }

  /** Resolves once each client that has come is with a worker. @throws DeadlinePassed */
  async settled(deadline: Deadline): Promise<void> {
    if (this.#done) return;
    const settled = new Promise<void>((resolve) => {
      this.#settled = resolve;
    });
    await within(deadline, "clients on their way to the workers", settled);
  }

  #dealOn(): void {
    while (this.#waiting.length > 0) {
      const next = this.#leastBusy();
      if (next === undefined) return;
      const [worker, hand] = next;
      const client = this.#waiting.shift();
      if (client === undefined) return;
      // Behind the others, when all are as busy.
      this.#hands.delete(worker);
      this.#hands.set(worker, hand);
      const { number, socket } = client;
      hand.underWay.push({ number, socket, sinceMs: this.#clock.monotonic() });
      this.#lookOutIn(LOST_AFTER_MS);
      hand.give(client);
    }
  }

  #lookOutIn(delayMs: number): void {
    if (this.#lookOutSet) return;
    this.#lookOutSet = true;
    this.#clock.schedule(delayMs, () => {
      this.#lookOutSet = false;
      this.#closeLost();
    });
  }

  #closeLost(): void {
    const nowMs = this.#clock.monotonic();
    const left = (sinceMs: number): number => sinceMs + LOST_AFTER_MS - nowMs;
    for (const worker of this.#hands.keys()) this.#close(worker, ({ sinceMs }) => left(sinceMs) <= 0);
    const oldest = [...this.#hands.values()].flatMap(({ underWay }) => underWay[0] ?? []);
    if (oldest.length > 0) this.#lookOutIn(Math.min(...oldest.map(({ sinceMs }) => left(sinceMs))));
    this.#dealOn();
    this.#settleIfDone();
  }

  /** This process's end of them. */
  #close(worker: number, which: (client: UnderWay) => boolean): void {
    const hand = this.#hands.get(worker);
    if (hand === undefined) return;
    for (const client of hand.underWay) if (which(client)) client.socket.destroy();
    hand.underWay = hand.underWay.filter((client) => !which(client));
  }

  #leastBusy(): [number, Hand] | undefined {
    let found: [number, Hand] | undefined;
    for (const each of this.#hands) {
      if (each[1].underWay.length < (found?.[1].underWay.length ?? MOST_UNDER_WAY)) found = each;
    }
    return found;
  }

  get #done(): boolean {
    if (this.#waiting.length > 0) return false;
    for (const { underWay } of this.#hands.values()) if (underWay.length > 0) return false;
    return true;
  }

  #settleIfDone(): void {
    if (this.#done) this.#settled?.();
  }
}
