import type { Outcome, ServerConnection } from "../server/index.js";
import { Frontend, MalformedMessage, query } from "../wire/index.js";
import { Effect } from "./effect.js";
import type { Ledger } from "./ledger.js";
import { messageOf } from "./message-bytes.js";
import { RESTORES, type Refusal } from "./outcomes.js";
import { Outgoing } from "./outgoing.js";
import { Owed } from "./owed.js";
import { closeStatement, NO_STATEMENT, OUR_PREFIX } from "./shared-statements.js";

/** What a message can say of its length. */
const MOST_LENGTH = 0x7fff_ffff;

/**
 * Hot path: the way to the server at hand. The client's segment goes on with parts taken out and put in, and what each
 * message will be answered with is entered in the ledger.
 */
export class Upstream {
  readonly ledger: Ledger;
  readonly out = new Outgoing();
  /** Nothing was sent on this lease yet. */
  fresh = true;
  #server: ServerConnection | undefined;
  /** The holder of the lease, as the server knows it. */
  #holder = 0;

  constructor(ledger: Ledger) {
    this.ledger = ledger;
  }

  /** Only while one is at hand. */
  get server(): ServerConnection {
    return this.#server as ServerConnection;
  }

  get serverAtHand(): ServerConnection | undefined {
    return this.#server;
  }

  begin(server: ServerConnection, holder: number): void {
    this.#server = server;
    this.#holder = holder;
    this.fresh = true;
  }

  end(): void {
    this.#server = undefined;
  }

  inject(at: number, bytes: Buffer, kind: number, outcome?: Outcome): void {
    this.out.insert(at, bytes);
    if (kind === Owed.ourQuery) this.ledger.ourQuery(outcome);
    else this.ledger.extended(kind, outcome);
  }

  replace(at: number, end: number, bytes: Buffer): void {
    this.out.insert(at, bytes);
    this.out.cut(at, end);
  }

  /** The message, with another name at `[from, to)`. */
  rename(at: number, from: number, to: number, end: number, name: Buffer): void {
    const length = end - at - 1 + name.length - (to - from);
    if (length > MOST_LENGTH) throw new MalformedMessage("bad message length");
    this.out.setInt32(at + 1, length);
    this.out.insert(from, name);
    this.out.cut(from, to);
  }

  /** A name that this client has not given to any statement. One of ours is altered. */
  passName(segment: Buffer, at: number, name: number, nameEnd: number, end: number): void {
    if (segment[name] !== OUR_PREFIX.charCodeAt(0)) return;
    const given = segment.toString("latin1", name, nameEnd);
    if (this.#server?.statements.has(given) === true)
      this.rename(at, name, nameEnd, end, Buffer.from(harmless(given), "latin1"));
  }

  /** The extended message is replaced by one that fails, and that failure by ours. */
  refuse(at: number, end: number, refusal: Refusal): void {
    this.replace(at, end, FAILING_BIND);
    this.ledger.extended(Owed.refused, refusal);
  }

  /** The same for a Query; `refusal` with what else is to be known of it. */
  refuseQuery(at: number, end: number, refusal: Outcome): void {
    this.replace(at, end, FAILING_QUERY);
    this.ledger.query(refusal, Owed.refusedQuery);
  }

  /** What a RESET has undone of what the client came with. */
  restore(text: string, at: number): void {
    this.inject(at, query(text), Owed.ourQuery, RESTORES);
  }

  /** What sequences gave out to somebody else is not shown to this client. */
  readSequences(effects: number, at: number): void {
    if (!(effects & Effect.readsSequences) || !this.fresh) return;
    if (this.server.lastHolder === this.#holder) return;
    this.inject(at, DISCARD_SEQUENCES, Owed.ourQuery);
  }

  /** What statements have left on the server goes in front of everything else. */
  closeLeftovers(): void {
    const { leftovers } = this.server;
    for (const name of leftovers) this.inject(0, closeStatement(name), Owed.ourClose);
    leftovers.length = 0;
  }
}

/** A client's own name that cannot be taken for one of ours. */
export function harmless(name: string): string {
  return name.startsWith(OUR_PREFIX) ? `"${name}` : name;
}

/** Fails wherever it comes, and is skipped where it would have been. */
const FAILING_BIND = messageOf(
  Frontend.Bind,
  Buffer.concat([Buffer.from(`\0${NO_STATEMENT}\0`), Buffer.alloc(6)]),
);
const FAILING_QUERY = query(OUR_PREFIX);
const DISCARD_SEQUENCES = query("DISCARD SEQUENCES");
