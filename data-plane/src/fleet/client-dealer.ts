import type { Socket } from "node:net";
import type { PoolMode } from "@sluice/shared/tenant";
import { type Deadline, within } from "@sluice/shared/time";

/** Sends a client to a worker's process, and keeps it open here: see ClientDealer. */
export type GiveClient = (socket: Socket, mode: PoolMode) => void;

interface Hand {
  readonly give: GiveClient;
  /** Given, and not heard of yet. A worker takes them in this order. */
  readonly underWay: Socket[];
}

interface Client {
  readonly socket: Socket;
  readonly mode: PoolMode;
}

/** Given to one worker at a time: one whose event loop is busy gets no more, and the others do. */
const MOST_UNDER_WAY = 4;
/** Beyond these the workers are all stuck, or there is none. */
const MOST_WAITING = 10_000;

/**
 * Deals clients to the workers in turn, as fast as each takes them. Until a worker has said so, a client is open in the
 * primary, too: so it can be closed when the worker ends first, and does not wait for somebody who is not there.
 */
export class ClientDealer {
  readonly #hands = new Map<number, Hand>();
  readonly #waiting: Client[] = [];
  #settled: (() => void) | undefined;

  attach(worker: number, give: GiveClient): void {
    this.#hands.set(worker, { give, underWay: [] });
    this.#dealOn();
  }

  detach(worker: number): void {
    for (const socket of this.#hands.get(worker)?.underWay ?? []) socket.destroy();
    this.#hands.delete(worker);
    this.#settleIfDone();
  }

  deal(socket: Socket, mode: PoolMode): void {
    if (this.#waiting.length >= MOST_WAITING) {
      socket.destroy();
      return;
    }
    this.#waiting.push({ socket, mode });
    this.#dealOn();
  }

  /** A worker has taken one. */
  taken(worker: number): void {
    const hand = this.#hands.get(worker);
    if (hand === undefined) return;
    // Only this process's end of it.
    hand.underWay.shift()?.destroy();
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
      hand.underWay.push(client.socket);
      hand.give(client.socket, client.mode);
    }
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
