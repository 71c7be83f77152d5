import type { SluiceError } from "@sluice/shared/errors";
import type { PoolMeter } from "../metrics/index.js";
import type { ServerConnection } from "../server/index.js";
import { Frontend, isFrontendType, lengthAt, MalformedMessage } from "../wire/index.js";
import { Batch } from "./batch.js";
import { type ClientStatement, ClientStatements } from "./client-statements.js";
import { ExtendedRequests } from "./extended-requests.js";
import { HeldMessage } from "./held-message.js";
import type { Ledger } from "./ledger.js";
import { HEADER_BYTES, messageOf, STATEMENT, stringsEnd } from "./message-bytes.js";
import { NamedRequests } from "./named-requests.js";
import type { Naming } from "./naming.js";
import { RESETS } from "./outcomes.js";
import { Owed } from "./owed.js";
import { RunEffects } from "./run-effects.js";
import { ServerCopies } from "./server-copies.js";
import { OUR_PREFIX, type SharedStatements } from "./shared-statements.js";
import { SimpleQueries } from "./simple-queries.js";
import { SqlStatements } from "./sql-statements.js";
import { StatementScanner } from "./statement-scanner.js";
import { StreamedMessage } from "./streamed-message.js";
import { Traces } from "./traces.js";
import { UnnamedRequests } from "./unnamed-requests.js";
import { UnnamedStatement } from "./unnamed-statement.js";
import { Upstream } from "./upstream.js";
import { bytesNeeded } from "./whole-messages.js";

/** What is remembered of a client from one request to the next. */
export interface Remembered {
  readonly clients: ClientStatements;
  readonly unnamed: UnnamedStatement;
  readonly traces: Traces;
  readonly batch: Batch;
}

export interface RequestsOptions {
  readonly ledger: Ledger;
  readonly shared: SharedStatements;
  readonly meter: PoolMeter;
  readonly naming: Naming;
  /** Of the same client, by another object of this kind. */
  readonly remembered: Remembered | undefined;
  /** The client came with settings that RESET has to bring back. */
  readonly restores: boolean;
  readonly reported: (name: string) => boolean;
  /** Why this client may not have a server to itself now; undefined: it may. */
  readonly refusesPin: () => SluiceError | undefined;
  /** The query that brings these settings (or `all`) back to the client's own from its login, after a RESET. */
  readonly restore: (names: readonly string[]) => string | undefined;
}

/**
 * Hot path: follows a client's messages through segments that are cut anywhere, enters in the ledger what they will be
 * answered with, and writes them on to the server at hand. A segment without a prepared statement's name in it goes on
 * as it came. Where a name has to be found or changed, the message is held until that much of it is there.
 */
export class Requests {
  readonly #ledger: Ledger;
  readonly #options: RequestsOptions;
  readonly #statements: ClientStatements;
  readonly #unnamed: UnnamedStatement;
  readonly #texts: StatementScanner;
  readonly #batch: Batch;
  readonly #held = new HeldMessage();
  readonly #streamed: StreamedMessage;
  readonly #upstream: Upstream;
  readonly #copies: ServerCopies;
  readonly #runs: RunEffects;
  readonly #queries: SimpleQueries;
  readonly #extended: ExtendedRequests;

  readonly traces: Traces;
  /** Behind a part that must be answered before the rest can be read; undefined: nothing is stalled. */
  stalled: Buffer | undefined;
  terminated = false;

  constructor(options: RequestsOptions) {
    const { ledger, shared, meter, naming, restores, restore } = options;
    this.#options = options;
    this.#ledger = ledger;
    const { remembered } = options;
    const unnamed = remembered?.unnamed ?? new UnnamedStatement();
    ledger.unnamed = unnamed;
    const texts = new StatementScanner(options.reported);
    const batch = remembered?.batch ?? new Batch();
    const traces = remembered?.traces ?? new Traces(options.refusesPin);
    const clients = remembered?.clients ?? new ClientStatements(shared);
    const upstream = new Upstream(ledger);
    const copies = new ServerCopies(upstream, batch, clients, meter);
    const sql = new SqlStatements(upstream, batch, traces, clients, naming);
    const runs = new RunEffects(upstream, batch, traces, sql, copies);
    // One object for all. Without a spread, which gives each object a shape of its own, of 400 bytes.
    const parts = {
      upstream,
      batch,
      traces,
      texts,
      clients,
      copies,
      sql,
      runs,
      unnamed,
      shared,
      meter,
      naming,
      restores,
      restore,
    };
    this.#queries = new SimpleQueries(parts);
    this.#extended = new ExtendedRequests(parts, new NamedRequests(parts), new UnnamedRequests(parts));
    this.traces = traces;
    this.#statements = clients;
    this.#unnamed = unnamed;
    this.#texts = texts;
    this.#batch = batch;
    this.#streamed = new StreamedMessage(texts);
    this.#upstream = upstream;
    this.#copies = copies;
    this.#runs = runs;
  }

  /** Settings of the client that Parse depends on; the relay keeps it true. */
  set context(context: string) {
    this.#copies.context = context;
  }

  /** At a boundary: no half message, and no open batch. */
  get settled(): boolean {
    return (
      this.#held.length === 0 &&
      this.#streamed.remaining === 0 &&
      !this.#batch.unsynced &&
      !this.#unnamed.tooLong
    );
  }

  /** What another object of this kind has to know of the client, between transactions; undefined: nothing. */
  get remembered(): Remembered | undefined {
    if (this.#statements.size === 0 && !this.#unnamed.exists && this.traces.blank) return undefined;
    return { clients: this.#statements, unnamed: this.#unnamed, traces: this.traces, batch: this.#batch };
  }

  /** The server has the beginning of a message and not its end. */
  get insideMessage(): boolean {
    return this.#streamed.remaining > 0;
  }

  get unsynced(): boolean {
    return this.#batch.unsynced;
  }

  /** A server is at hand from now on. */
  begin(server: ServerConnection, holder: number): void {
    this.#upstream.begin(server, holder);
    this.#unnamed.onServer = false;
  }

  /** The transaction is over, and what it did to the settings is known. */
  transactionEnded(): void {
    this.#copies.transactionEnded();
  }

  /** The server goes back. */
  end(): void {
    this.transactionEnded();
    this.#upstream.end();
    this.#batch.forget();
    this.#runs.forget();
  }

  /** The client is gone. */
  close(): void {
    this.#statements.clear();
    this.#unnamed.clear();
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
    if (server.leftovers.length > 0 && !inside && this.#ledger.owed === 0 && !this.#batch.unsynced)
      this.#upstream.closeLeftovers();
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
      if (messageEnd > end && this.#options.naming !== "session") {
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
    return out.end(at);
  }

  /**
   * A batch that came whole in one segment, alone, and is not answered yet: the server's copy of a statement in it was
   * out of date. What to send again, or undefined.
   */
  replay(): Buffer | undefined {
    return this.#batch.messages;
  }

  /** The statement that the first Bind or Describe of these messages names. */
  firstStatement(messages: Buffer): ClientStatement | undefined {
    for (let at = 0; at < messages.length; at += 1 + messages.readInt32BE(at + 1)) {
      let name = at + HEADER_BYTES;
      if (messages[at] === Frontend.Bind) name = stringsEnd(messages, name, 1);
      else if (messages[at] === Frontend.Describe && messages[name] === STATEMENT) name += 1;
      else continue;
      const text = messages.toString("latin1", name, messages.indexOf(0, name));
      const found = this.#statements.byName(text, this.#batch.number);
      return found === "undecided" ? undefined : found;
    }
    return undefined;
  }

  /** An ErrorResponse that names a statement as the server knows it, with the client's own name; undefined: it does not. */
  inClientsWords(body: Buffer): Buffer | undefined {
    if (!body.includes(OUR_PREFIX)) return undefined;
    const told = body
      .toString("latin1")
      .replace(SERVER_NAME, (name) => this.#statements.nameOf(name) ?? name);
    return messageOf(0x45, Buffer.from(told, "latin1"));
  }

  /** Whether the client may be given this statement anew, with other columns. */
  mayRenew(found: ClientStatement): boolean {
    const copy = found.entry?.stamp ?? 0;
    return found.describedIn === -1 || found.describedIn >= this.#batch.number - 1 || copy < found.stamp;
  }

  /** The server's copies are out of date: they are parsed again where they are wanted. */
  renewStatements(): void {
    this.#copies.renew();
  }

  #stream(segment: Buffer): number {
    const end = this.#streamed.pass(segment);
    const effects = this.#streamed.takeEffects();
    if (effects !== undefined && this.#options.naming !== "session")
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
        this.#batch.unsynced = true;
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
    const restore = resetNames.length > 0 ? this.#options.restore(resetNames) : undefined;
    this.#upstream.fresh = false;
    this.#batch.sync(segment, end);
    this.#ledger.sync(restore === undefined ? undefined : RESETS);
    if (restore !== undefined) this.#upstream.restore(restore, end);
  }
}

const SERVER_NAME = new RegExp(`${OUR_PREFIX}[\\w-]+`, "g");
