import type { Outcome, ServerConnection, ServerStatement } from "../server/index.js";
import type { ServerVariant, SharedStatement, SharedStatements } from "./shared-statements.js";

/** A statement under the name that one client gave it. */
export class ClientStatement {
  readonly name: string;
  readonly statement: SharedStatement;
  /** The server has answered the client's Parse. */
  confirmed = false;
  /** The batch whose answer decides whether it is there, or still there. */
  batch: number;
  /** A Close of it is on its way. */
  closing = false;
  /** The batch in which its columns were told to the client, which may rely on them; -1: not yet. */
  describedIn = -1;
  /** When the client's Parse was answered, see ServerStatements.now. */
  stamp = 0;
  /** Closed in the same batch, and there again should that not come about. */
  previous: ClientStatement | undefined;
  /** The variant for `context`, and where it was used last: what saves looking both up for each Bind. */
  context: string | undefined;
  variant: ServerVariant | undefined;
  server: ServerConnection | undefined;
  entry: ServerStatement | undefined;

  constructor(name: string, statement: SharedStatement, batch: number) {
    this.name = name;
    this.statement = statement;
    this.batch = batch;
  }
}

/** Limits of one client. */
const MOST_STATEMENTS = 10_000;
const MOST_BYTES = 32 * 1024 * 1024;
/** PostgreSQL tells names apart by so many bytes (NAMEDATALEN - 1). */
const NAME_BYTES = 63;

export type Lookup = ClientStatement | undefined | "undecided";

/** The prepared statements of one client by its own names, as far as it can know of them at this moment. */
export class ClientStatements {
  readonly #byName = new Map<string, ClientStatement>();
  readonly #shared: SharedStatements;
  #bytes = 0;
  #last: ClientStatement | undefined;

  constructor(shared: SharedStatements) {
    this.#shared = shared;
  }

  get size(): number {
    return this.#byName.size;
  }

  /** One more would be too many. */
  full(bytes: number): boolean {
    return this.#byName.size >= MOST_STATEMENTS || this.#bytes + bytes > MOST_BYTES;
  }

  /**
   * What `segment[from, to)` names in `batch`. "undecided": a batch before this one is not answered yet, and its answer
   * decides.
   */
  find(segment: Buffer, from: number, to: number, batch: number): Lookup {
    let found = this.#last;
    if (found === undefined || !isNamed(found.name, segment, from, to)) {
      found = this.#byName.get(segment.toString("latin1", from, Math.min(to, from + NAME_BYTES)));
      if (found === undefined) return undefined;
      this.#last = found;
    }
    return decided(found, batch);
  }

  byName(name: string, batch: number): Lookup {
    const found = this.#byName.get(name.slice(0, NAME_BYTES));
    return found === undefined ? undefined : decided(found, batch);
  }

  /** The client's name for what the server knows by this one. For errors only: it looks at all. */
  nameOf(serverName: string): string | undefined {
    for (const { name, variant } of this.#byName.values()) if (variant?.name === serverName) return name;
    return undefined;
  }

  /** The client's Parse of a name that is free is on its way. */
  parseSent(fullName: string, statement: SharedStatement, batch: number): ClientStatement {
    const name = fullName.slice(0, NAME_BYTES);
    const found = new ClientStatement(name, statement, batch);
    this.#forgetLast(name);
    const previous = this.#byName.get(name);
    if (previous?.closing) found.previous = previous;
    this.#byName.set(name, found);
    this.#bytes += statement.body.length;
    return found;
  }

  parsed(found: ClientStatement, stamp: number): void {
    found.confirmed = true;
    found.previous = undefined;
    found.stamp = stamp;
  }

  notParsed(found: ClientStatement): void {
    const { previous } = found;
    this.#remove(found);
    if (previous !== undefined && previous.batch !== GONE) this.#byName.set(previous.name, previous);
  }

  closeSent(found: ClientStatement, batch: number): Outcome {
    found.closing = true;
    found.batch = batch;
    return {
      done: () => this.#remove(found),
      failed: () => {
        found.closing = false;
      },
    };
  }

  /** Closed by SQL. */
  remove(name: string): void {
    const found = this.#byName.get(name.slice(0, NAME_BYTES));
    if (found !== undefined) this.#remove(found);
  }

  clear(): void {
    for (const found of [...this.#byName.values()]) this.#remove(found);
  }

  #remove(found: ClientStatement): void {
    // A Parse in the same batch may have taken its place.
    if (this.#byName.get(found.name) === found) this.#byName.delete(found.name);
    this.#forgetLast(found.name);
    if (found.batch === GONE) return;
    found.batch = GONE;
    this.#bytes -= found.statement.body.length;
    this.#shared.release(found.statement);
  }

  #forgetLast(name: string): void {
    if (this.#last?.name === name) this.#last = undefined;
  }
}

const GONE = -1;

function decided(found: ClientStatement, batch: number): Lookup {
  if (found.closing) return found.batch === batch ? undefined : "undecided";
  return found.confirmed || found.batch === batch ? found : "undecided";
}

function isNamed(name: string, segment: Buffer, from: number, to: number): boolean {
  if (to - from !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (segment[from + i] !== name.charCodeAt(i)) return false;
  return true;
}
