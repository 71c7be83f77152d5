import type { ServerConnection } from "../server/index.js";
import { Frontend, isFrontendType, lengthAt, MalformedMessage, SYNC } from "../wire/index.js";
import type { ClientStatement } from "./client-statements.js";
import type { CurrentClient } from "./current-client.js";
import { ExtendedRequests } from "./extended-requests.js";
import { HeldMessage } from "./held-message.js";
import type { Ledger } from "./ledger.js";
import { HEADER_BYTES, messageOf, STATEMENT, stringsEnd } from "./message-bytes.js";
import { NamedRequests } from "./named-requests.js";
import { RESETS } from "./outcomes.js";
import { Owed } from "./owed.js";
import { RunEffects } from "./run-effects.js";
import { ServerCopies } from "./server-copies.js";
import { OUR_PREFIX } from "./shared-statements.js";
import { SimpleQueries } from "./simple-queries.js";
import { SqlStatements } from "./sql-statements.js";
import { StatementScanner } from "./statement-scanner.js";
import { StreamedMessage } from "./streamed-message.js";
import type { Traces } from "./traces.js";
import { UnnamedRequests } from "./unnamed-requests.js";
import { Upstream } from "./upstream.js";
import { bytesNeeded } from "./whole-messages.js";

/**
 * Hot path: follows a client's messages through segments that are cut anywhere, enters in the ledger what they will be
 * answered with, and writes them on to the server at hand. A segment without a prepared statement's name in it goes on
 * as it came. Where a name has to be found or changed, the message is held until that much of it is there.
 */
export class Requests {
  readonly #ledger: Ledger;
  readonly #client: CurrentClient;
  readonly #texts: StatementScanner;
  readonly #held = new HeldMessage();
  readonly #streamed: StreamedMessage;
  readonly #upstream: Upstream;
  readonly #copies: ServerCopies;
  readonly #runs: RunEffects;
  readonly #queries: SimpleQueries;
  readonly #extended: ExtendedRequests;

  /** Behind a part that must be answered before the rest can be read; undefined: nothing is stalled. */
  stalled: Buffer | undefined;
  terminated = false;

  constructor(ledger: Ledger, client: CurrentClient) {
    this.#ledger = ledger;
    this.#client = client;
    const texts = new StatementScanner((name) => client.asker.reported(name));
    const upstream = new Upstream(ledger);
    const copies = new ServerCopies(upstream, client);
    const sql = new SqlStatements(upstream, client);
    const runs = new RunEffects(upstream, client, sql, copies);
    // One object for all. Without a spread, which gives each object a shape of its own, of 400 bytes.
    const parts = { upstream, client, texts, copies, sql, runs };
    this.#queries = new SimpleQueries(parts);
    this.#extended = new ExtendedRequests(
      upstream,
      client,
      new NamedRequests(parts),
      new UnnamedRequests(parts),
    );
    this.#texts = texts;
    this.#streamed = new StreamedMessage(texts);
    this.#upstream = upstream;
    this.#copies = copies;
    this.#runs = runs;
  }

  /** They are another client's from now on; nothing of the last one's is under way. */
  reset(): void {
    this.stalled = undefined;
    this.terminated = false;
    this.#ledger.unnamed = this.#client.remembered.unnamed;
  }

  get traces(): Traces {
    return this.#client.remembered.traces;
  }

  /** At a boundary: no half message, and no open batch. */
  get settled(): boolean {
    const { batch, unnamed } = this.#client.remembered;
    return this.#held.length === 0 && this.#streamed.remaining === 0 && !batch.unsynced && !unnamed.tooLong;
  }

  /** The server has the beginning of a message and not its end. */
  get insideMessage(): boolean {
    return this.#streamed.remaining > 0;
  }

  get unsynced(): boolean {
    return this.#client.remembered.batch.unsynced;
  }

  /** A server is at hand from now on. */
  begin(server: ServerConnection, holder: number): void {
    this.#upstream.begin(server, holder);
    this.#client.remembered.unnamed.onServer = false;
  }

  /** The transaction is over, and what it did to the settings is known. */
  transactionEnded(): void {
    this.#copies.transactionEnded();
    this.#client.remembered.batch.forget();
  }

  /** The server goes back. */
  end(): void {
    this.transactionEnded();
    this.#upstream.end();
    this.#runs.forget();
  }

  /**
   * What goes to the server of this segment; undefined: nothing.
   * @throws MalformedMessage; nothing of the segment must then be sent on.
   */
  forward(received: Buffer): Buffer | undefined {
    const segment = this.#held.length === 0 ? received : this.#held.join(received);
    if (segment === undefined) return undefined;
    const { out, server } = this.#upstream;
    out.begin(segment);
    const inside = this.#streamed.remaining > 0;
    const closes =
      server.leftovers.length > 0 &&
      !inside &&
      this.#ledger.owed === 0 &&
      !this.#client.remembered.batch.unsynced;
    if (closes) this.#upstream.closeLeftovers();
    const end = segment.length;
    let at = inside ? this.#stream(segment) : 0;
    while (at < end) {
      const type = segment[at] as number;
      if (!isFrontendType(type)) throw new MalformedMessage("unknown message type");
      if (end - at < HEADER_BYTES) {
        this.#held.hold(segment, at, HEADER_BYTES);
        break;
      }
      const length = lengthAt(segment, at + 1);
      if (length < 4) throw new MalformedMessage("bad message length");
      if (type === Frontend.CopyData && at + 1 + length <= end) {
        // Rows that nobody answers, as many as the client likes.
        at += 1 + length;
        continue;
      }
      if (type === Frontend.Password) throw new MalformedMessage("unexpected password message");
      if (type === Frontend.Terminate) {
        this.terminated = true;
        return out.end(at);
      }
      const messageEnd = at + 1 + length;
      if (messageEnd > end && this.#client.naming !== "session") {
        const needed = bytesNeeded(type, length, segment, at);
        if (needed > 0) {
          this.#held.hold(segment, at, needed);
          break;
        }
      }
      if (!this.#message(type, segment, at, messageEnd)) {
        this.stalled = segment.subarray(at);
        return out.end(at);
      }
      if (messageEnd > end) {
        const query = type === Frontend.Query ? { segment, text: at + HEADER_BYTES } : undefined;
        this.#streamed.begin(messageEnd - end, query);
        return out.end(end);
      }
      at = messageEnd;
    }
    // Flush, or COPY data that comes too late: nothing of it makes the server answer the Closes in front.
    if (closes && this.#ledger.owed === 0 && !this.#client.remembered.batch.unsynced) {
      out.insert(at, SYNC);
      this.#ledger.ourSync();
    }
    return out.end(at);
  }

  /**
   * A batch that came whole in one segment, alone, and is not answered yet: the server's copy of a statement in it was
   * out of date. What to send again, or undefined.
   */
  replay(): Buffer | undefined {
    return this.#client.remembered.batch.messages;
  }

  /** The statement that the first Bind or Describe of these messages names. */
  firstStatement(messages: Buffer): ClientStatement | undefined {
    for (let at = 0; at < messages.length; at += 1 + messages.readInt32BE(at + 1)) {
      let name = at + HEADER_BYTES;
      if (messages[at] === Frontend.Bind) name = stringsEnd(messages, name, 1);
      else if (messages[at] === Frontend.Describe && messages[name] === STATEMENT) name += 1;
      else continue;
      const text = messages.toString("latin1", name, messages.indexOf(0, name));
      const found = this.#client.remembered.statements.byName(text, this.#client.remembered.batch.number);
      return found === "undecided" ? undefined : found;
    }
    return undefined;
  }

  /** An ErrorResponse that names a statement as the server knows it, with the client's own name; undefined: it does not. */
  inClientsWords(body: Buffer): Buffer | undefined {
    if (!body.includes(OUR_PREFIX)) return undefined;
    const told = body
      .toString("latin1")
      .replace(SERVER_NAME, (name) => this.#client.remembered.statements.nameOf(name) ?? name);
    return messageOf(0x45, Buffer.from(told, "latin1"));
  }

  /** Whether the client may be given this statement anew, with other columns. */
  mayRenew(found: ClientStatement): boolean {
    const copy = found.entry?.stamp ?? 0;
    return (
      found.describedIn === -1 ||
      found.describedIn >= this.#client.remembered.batch.number - 1 ||
      copy < found.stamp
    );
  }

  /** The server's copies are out of date: they are parsed again where they are wanted. */
  renewStatements(): void {
    this.#copies.renew();
  }

  #stream(segment: Buffer): number {
    const end = this.#streamed.pass(segment);
    const effects = this.#streamed.takeEffects();
    if (effects !== undefined && this.#client.naming !== "session")
      this.#runs.note(effects, this.#texts.names);
    return end;
  }

  /** False: it has to wait for answers. */
  #message(type: number, segment: Buffer, at: number, end: number): boolean {
    switch (type) {
      case Frontend.Query:
        return this.#queries.query(segment, at, end);
      case Frontend.Parse:
        return this.#extended.parse(segment, at, end);
      case Frontend.Bind:
        return this.#extended.bind(segment, at, end);
      case Frontend.Describe:
        return this.#extended.describe(segment, at, end);
      case Frontend.Close:
        return this.#extended.close(segment, at, end);
      case Frontend.Execute:
        this.#client.remembered.batch.unsynced = true;
        this.#ledger.extended(Owed.execute, this.#runs.takeExecutes());
        return true;
      case Frontend.Sync:
        this.#sync(segment, end);
        return true;
      case Frontend.FunctionCall:
        this.#upstream.fresh = false;
        this.#ledger.query();
        return true;
      case Frontend.CopyDone:
      case Frontend.CopyFail:
        this.#ledger.copyEnd();
        return true;
      default:
        return true;
    }
  }

  #sync(segment: Buffer, end: number): void {
    const resetNames = this.#runs.takeResetNames();
    const restore = resetNames.length > 0 ? this.#client.asker.restore(resetNames) : undefined;
    this.#upstream.fresh = false;
    this.#client.remembered.batch.sync(segment, end);
    this.#ledger.sync(restore === undefined ? undefined : RESETS);
    if (restore !== undefined) this.#upstream.restore(restore, end);
  }
}

const SERVER_NAME = new RegExp(`${OUR_PREFIX}[\\w-]+`, "g");
