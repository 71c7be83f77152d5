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

  join(waiter: T): void {
    this.#waiting.add(waiter);
  }

  /** False when it was not waiting any more. */
  leave(waiter: T): boolean {
    return this.#waiting.delete(waiter);
  }

  next(): T | undefined {
    for (const first of this.#waiting) {
      this.#waiting.delete(first);
      return first;
    }
    return undefined;
  }
}
