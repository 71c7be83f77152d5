import type { StateMessage } from "./messages.js";

/** The verified records as they are now; a worker that begins is given all of them. */
export interface HeldState {
  readonly number: number;
  readonly scope: string;
  readonly dataKeys: ReadonlyMap<string, Uint8Array>;
  readonly records: ReadonlyMap<string, Uint8Array>;
}

export interface StateChange {
  readonly number: number;
  readonly scope: string;
  readonly dataKeys: ReadonlyMap<string, Uint8Array>;
  readonly upsert: ReadonlyMap<string, Uint8Array>;
  readonly remove: readonly string[];
}

/** Of one message: a large state neither blocks the channel nor is held in it twice. */
const MOST_PART_BYTES = 1024 * 1024;

/**
 * Feeds one worker: the whole state in parts, each sent when the one before it has left, and changes behind it, in order.
 * What changes while the whole is on its way is in both, which does no harm: the later one is the newer one.
 */
export class StateFeed {
  readonly #send: (message: StateMessage, sent: () => void) => void;
  readonly #queue: Iterator<StateMessage>[] = [];
  #sending = false;

  constructor(send: (message: StateMessage, sent: () => void) => void) {
    this.#send = send;
  }

  /** @param done called when all of it has left */
  whole(state: HeldState, done: () => void): void {
    this.#add(wholeInParts(state, done));
  }

  change({ number, scope, dataKeys, upsert, remove }: StateChange): void {
    this.#add(
      inParts(upsert, (part, more) => ({
        kind: "state",
        number,
        scope,
        dataKeys,
        upsert: part,
        remove: more ? [] : remove,
        more,
      })),
    );
  }

  #add(parts: Iterator<StateMessage>): void {
    this.#queue.push(parts);
    if (!this.#sending) this.#next();
  }

  #next(): void {
    for (let parts = this.#queue[0]; parts !== undefined; parts = this.#queue[0]) {
      const { value, done } = parts.next();
      if (done === true) {
        this.#queue.shift();
        continue;
      }
      this.#sending = true;
      this.#send(value, () => {
        this.#sending = false;
        this.#next();
      });
      return;
    }
  }
}

function* wholeInParts(state: HeldState, done: () => void): Generator<StateMessage, void> {
  yield* inParts(state.records, (part, more) => {
    // The keys that are current with the last part open all of them.
    const { number, scope, dataKeys } = state;
    return { kind: "state", number, scope, dataKeys, upsert: part, remove: [], more };
  });
  done();
}

/** Reads the map as it goes: what is removed meanwhile is not sent, what is changed is sent as it then is. */
function* inParts(
  records: ReadonlyMap<string, Uint8Array>,
  make: (part: ReadonlyMap<string, Uint8Array>, more: boolean) => StateMessage,
): Generator<StateMessage, void> {
  let part = new Map<string, Uint8Array>();
  let bytes = 0;
  for (const [id, body] of records) {
    part.set(id, body);
    bytes += id.length + body.length;
    if (bytes < MOST_PART_BYTES) continue;
    yield make(part, true);
    part = new Map();
    bytes = 0;
  }
  yield make(part, false);
}
