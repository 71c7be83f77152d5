/** What can stand in a queue; the queue alone sets these. */
export interface Queued<T> {
  ahead: T | undefined;
  behind: T | undefined;
  queued: boolean;
}

/**
 * Who waits for a server, in strict order of arrival; whoever gives up leaves from any place.
 *
 *   first -> a <-> b <-> c <- last      each knows who is ahead and who is behind: nothing else is made for a place
 */
export class WaitQueue<T extends Queued<T>> {
  #first: T | undefined;
  #last: T | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Who is next; stays in the queue. */
  get first(): T | undefined {
    return this.#first;
  }

  /** Who came last. */
  get last(): T | undefined {
    return this.#last;
  }

  join(waiter: T): void {
    const last = this.#last;
    waiter.ahead = last;
    waiter.queued = true;
    if (last === undefined) this.#first = waiter;
    else last.behind = waiter;
    this.#last = waiter;
    this.#length += 1;
  }

  /** False when it was not waiting any more. */
  leave(waiter: T): boolean {
    if (!waiter.queued) return false;
    const { ahead, behind } = waiter;
    if (ahead === undefined) this.#first = behind;
    else ahead.behind = behind;
    if (behind === undefined) this.#last = ahead;
    else behind.ahead = ahead;
    waiter.ahead = undefined;
    waiter.behind = undefined;
    waiter.queued = false;
    this.#length -= 1;
    return true;
  }

  next(): T | undefined {
    const first = this.#first;
    if (first !== undefined) this.leave(first);
    return first;
  }

  /** Everybody, as of now. */
  all(): readonly T[] {
    const all: T[] = [];
    for (let waiter = this.#first; waiter !== undefined; waiter = waiter.behind) all.push(waiter);
    return all;
  }

  /** Whether it is one of the first `count`. */
  isAmongFirst(count: number, waiter: T): boolean {
    let place = 0;
    for (let waiting = this.#first; waiting !== undefined && place < count; waiting = waiting.behind) {
      if (waiting === waiter) return true;
      place += 1;
    }
    return false;
  }
}
