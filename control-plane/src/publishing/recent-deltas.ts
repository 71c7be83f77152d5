import type { StoredDelta } from "./publication-store.js";

const MOST_DELTAS = 64;
const MOST_BYTES = 2 * 1024 * 1024;

/** The last deltas of a scope, each following on the one before: what nearly every subscriber asks for. */
export class RecentDeltas {
  #deltas: StoredDelta[] = [];
  #bytes = 0;

  add(delta: StoredDelta): void {
    const last = this.#deltas.at(-1);
    if (last !== undefined && (last.to.generation !== delta.from || last.to.epoch !== delta.to.epoch))
      this.clear();
    this.#deltas.push(delta);
    this.#bytes += delta.envelope.length;
    while (this.#deltas.length > MOST_DELTAS || this.#bytes > MOST_BYTES) {
      this.#bytes -= this.#deltas.shift()?.envelope.length ?? 0;
    }
  }

  clear(): void {
    this.#deltas = [];
    this.#bytes = 0;
  }

  /** Those that lead on from there; undefined: it is not known. */
  from(epoch: bigint, generation: bigint): readonly StoredDelta[] | undefined {
    const index = this.#deltas.findIndex(({ from, to }) => from === generation && to.epoch === epoch);
    return index === -1 ? undefined : this.#deltas.slice(index);
  }
}
