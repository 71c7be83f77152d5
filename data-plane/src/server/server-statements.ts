/**
 * The prepared statements of ours that one server holds, by their name there. What it holds for certain is known from
 * its replies; what it will hold when the batch under way gets so far is known for that batch alone, since an error
 * skips the rest of it.
 *
 * Invariant: a name is in the map while the server has it, or may have it.
 */
export class ServerStatement {
  readonly name: string;
  /** The server has answered its Parse, and no Close since. */
  confirmed = false;
  /** The batch in which its Parse is on its way. */
  batch = -1;
  /** When the server parsed it, on the clock of `ServerStatements.now`: a later one knows the tables better. */
  stamp = 0;
  /** When it was used last, in uses of this server. */
  used = 0;

  constructor(name: string) {
    this.name = name;
  }
}

/** What becomes of a message of ours that the server has yet to answer. */
export interface Outcome {
  done(): void;
  /** It failed, or was skipped because of an error in front of it. */
  failed(): void;
}

/** Most statements on one server. One more takes the place of the one that was not used for longest. */
const MOST_STATEMENTS = 200;

let parses = 0;

export class ServerStatements {
  readonly #byName = new Map<string, ServerStatement>();
  readonly #most: number;
  #uses = 0;

  constructor(most = MOST_STATEMENTS) {
    this.#most = most;
  }

  /** Counts up with each Parse that any server of this process has answered. */
  static get now(): number {
    return parses;
  }

  get size(): number {
    return this.#byName.size;
  }

  /** For use by a Bind or Describe of `batch`; undefined: it has to be parsed in front of it. */
  use(name: string, batch: number): ServerStatement | undefined {
    const found = this.#byName.get(name);
    if (found === undefined || !(found.confirmed || found.batch === batch)) return undefined;
    this.#uses += 1;
    found.used = this.#uses;
    return found;
  }

  /** May the server have it? */
  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** Was used again. */
  touch(entry: ServerStatement): void {
    this.#uses += 1;
    entry.used = this.#uses;
  }

  names(): readonly string[] {
    return [...this.#byName.keys()];
  }

  /**
   * A Close and then a Parse of this name are on their way: whatever the server holds under it gives way. Returns what
   * to do when they are answered.
   */
  parseSent(
    name: string,
    batch: number,
  ): { readonly entry: ServerStatement; readonly close: Outcome; readonly parse: Outcome } {
    const entry = this.#byName.get(name) ?? new ServerStatement(name);
    this.#byName.set(name, entry);
    let held = entry.confirmed;
    entry.confirmed = false;
    entry.batch = batch;
    this.#uses += 1;
    entry.used = this.#uses;
    const close = {
      done: () => {
        held = false;
      },
      failed: () => undefined,
    };
    const parse = {
      done: () => {
        parses += 1;
        entry.stamp = parses;
        entry.confirmed = true;
      },
      failed: () => {
        entry.batch = -1;
        if (held) entry.confirmed = true;
        else if (!entry.confirmed && this.#byName.get(name) === entry) this.#byName.delete(name);
      },
    };
    return { entry, close, parse };
  }

  /** A Close of this name is on its way. */
  closeSent(name: string): Outcome {
    const entry = this.#byName.get(name);
    const held = entry?.confirmed ?? false;
    this.#byName.delete(name);
    if (entry !== undefined) entry.confirmed = false;
    return {
      done: () => undefined,
      failed: () => {
        if (entry === undefined || this.#byName.has(name)) return;
        entry.confirmed = held;
        this.#byName.set(name, entry);
      },
    };
  }

  /** The name to be closed before another is parsed in `batch`; undefined while there is room. */
  surplus(batch: number): string | undefined {
    if (this.#byName.size < this.#most) return undefined;
    let oldest: ServerStatement | undefined;
    for (const entry of this.#byName.values()) {
      // What was parsed for this batch is wanted in it.
      if (entry.batch === batch && !entry.confirmed) continue;
      if (oldest === undefined || entry.used < oldest.used) oldest = entry;
    }
    return oldest?.name;
  }

  /** The server holds none any more (DEALLOCATE ALL, DISCARD ALL). */
  clear(): void {
    for (const entry of this.#byName.values()) entry.confirmed = false;
    this.#byName.clear();
  }
}
