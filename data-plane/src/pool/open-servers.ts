import type { PooledServer } from "./pooled-server.js";
import { countStates, type ServerStates } from "./server-states.js";

/**
 * The servers that a pool has open, wherever they are, and those of them that are idle, in the order they came back: the
 * last is used first, so that the first grow old and go.
 *
 *   all   { a  b  c  d  e }
 *   idle  first -> [ d, b, e ] <- last       a and c: leased, or being made clean
 *
 * Invariant: what is idle is open.
 */
export class OpenServers {
  readonly #all = new Set<PooledServer>();
  readonly #idle: PooledServer[] = [];

  get size(): number {
    return this.#all.size;
  }

  get idle(): number {
    return this.#idle.length;
  }

  get states(): ServerStates {
    return countStates(this.#all);
  }

  [Symbol.iterator](): Iterator<PooledServer> {
    return this.#all.values();
  }

  add(server: PooledServer): void {
    this.#all.add(server);
  }

  /** Nobody uses it from now on. */
  rest(server: PooledServer): void {
    this.#idle.push(server);
  }

  /** The idle one that came back last. */
  takeLast(): PooledServer | undefined {
    return this.#idle.pop();
  }

  /** The one that is idle for longest. */
  takeFirst(): PooledServer | undefined {
    return this.#idle.shift();
  }

  /** All idle ones of which it is true; asked of those first that came back last. */
  takeAll(which: (server: PooledServer) => boolean = () => true): readonly PooledServer[] {
    const taken = new Set(this.#idle.toReversed().filter(which));
    const staying = this.#idle.filter((server) => !taken.has(server));
    this.#idle.splice(0, this.#idle.length, ...staying);
    return [...taken];
  }

  /** False when it was not open any more. */
  remove(server: PooledServer): boolean {
    const at = this.#idle.indexOf(server);
    if (at !== -1) this.#idle.splice(at, 1);
    return this.#all.delete(server);
  }

  /** Where they are. */
  get addresses(): ReadonlySet<string> {
    const addresses = new Set<string>();
    for (const { address } of this.#all) if (address !== undefined) addresses.add(address);
    return addresses;
  }

  /** Whether some are where none is to be any more. */
  get anyMoved(): boolean {
    for (const { moved } of this.#all) if (moved) return true;
    return false;
  }

  /** None is to be there any more: at these addresses, or wherever they are now. */
  move(from?: ReadonlySet<string>): void {
    for (const server of this.#all)
      if (from === undefined || (server.address !== undefined && from.has(server.address)))
        server.moved = true;
  }
}
