/**
 * Who waits for a server, in strict order of arrival; whoever gives up leaves from any place.
 *
 *   Set keeps insertion order, and deletes in constant time:   first -> [ a, b, c ] <- last
 */
export class WaitQueue<T> {
  readonly #waiting = new Set<T>();

  get length(): number {
    return this.#waiting.size;
  }

  /** Who is next; stays in the queue. */
  get first(): T | undefined {
    for (const first of this.#waiting) return first;
    return undefined;
  }

  join(waiter: T): void {
    this.#waiting.add(waiter);
  }

  /** False when it was not waiting any more. */
  leave(waiter: T): boolean {
    return this.#waiting.delete(waiter);
  }

  next(): T | undefined {
    const first = this.first;
    if (first !== undefined) this.#waiting.delete(first);
    return first;
  }

  /** Everybody, as of now. */
  all(): readonly T[] {
    return [...this.#waiting];
  }

  /** Whether it is one of the first `count`. */
  isAmongFirst(count: number, waiter: T): boolean {
    let place = 0;
    for (const waiting of this.#waiting) {
      if (place >= count) return false;
      if (waiting === waiter) return true;
      place += 1;
    }
    return false;
  }
}
