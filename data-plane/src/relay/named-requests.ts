import type { ClientStatement } from "./client-statements.js";
import type { CurrentClient } from "./current-client.js";
import { Effect } from "./effect.js";
import { HEADER_BYTES, NO_TEXT, nameEndOf } from "./message-bytes.js";
import { refusalBy } from "./outcomes.js";
import { Owed } from "./owed.js";
import { TooManyStatements } from "./relay-failure.js";
import type { RunEffects } from "./run-effects.js";
import { type ServerCopies, uniqueName } from "./server-copies.js";
import {
  closeAndParse,
  closeStatement,
  NO_STATEMENT,
  parseStatement,
  SharedStatement,
  variantOf,
} from "./shared-statements.js";
import type { SqlStatements } from "./sql-statements.js";
import type { StatementScanner } from "./statement-scanner.js";
import { NO_NAMES } from "./text-names.js";
import { harmless, type Upstream } from "./upstream.js";

export interface NamedRequestsOptions {
  readonly upstream: Upstream;
  readonly client: CurrentClient;
  readonly texts: StatementScanner;
  readonly copies: ServerCopies;
  readonly sql: SqlStatements;
  readonly runs: RunEffects;
}

/**
 * Hot path: messages that name a statement, where the client's names are its own. False: the message has to wait for
 * answers. Errors are never made up: where PostgreSQL would refuse a name, it is brought into the state in which it
 * does, with the client's own name.
 */
export class NamedRequests {
  readonly #options: NamedRequestsOptions;
  readonly #upstream: Upstream;
  readonly #copies: ServerCopies;

  constructor(options: NamedRequestsOptions) {
    this.#options = options;
    this.#upstream = options.upstream;
    this.#copies = options.copies;
  }

  parse(segment: Buffer, at: number, end: number): boolean {
    const { client, sql } = this.#options;
    const { batch, traces, statements, shared } = client.remembered;
    const name = at + HEADER_BYTES;
    const nameEnd = nameEndOf(segment, name, end);
    const fullName = segment.toString("latin1", name, nameEnd);
    const known = statements.find(segment, name, nameEnd, batch.number);
    if (known === "undecided") return false;
    // Names that SQL has prepared are refused by the server itself.
    if (traces.sqlNames.has(fullName)) this.#upstream.ledger.extended(Owed.parse);
    else if (known !== undefined) this.#duplicate(segment, at, end, fullName, nameEnd + 1);
    else if (end > segment.length) this.#parseLong(at, end, fullName, nameEnd);
    else if (statements.full(end - nameEnd))
      this.#upstream.refuse(at, end, refusalBy(new TooManyStatements()));
    else {
      const body = Buffer.from(segment.subarray(nameEnd + 1, end));
      const statement = shared.hold(body, () => this.#sharedOf(body));
      const used = sql.used(statement.effects, statement.names);
      if (used === "undecided") {
        shared.release(statement);
        return false;
      }
      if (batch.opens) this.#upstream.readSequences(statement.effects, at);
      sql.materialise(used, at);
      this.#copies.parse(statements.parseSent(fullName, statement, batch.number), at, end);
    }
    return true;
  }

  bind(found: ClientStatement, at: number, end: number, name: number, nameEnd: number) {
    const { effects, names } = found.statement;
    if (effects !== Effect.none) {
      const verdict = this.#options.runs.bound(at, end, effects, names);
      if (verdict !== "goes on") return verdict === "refused";
    }
    const variant = this.#copies.ensure(found, at);
    this.#upstream.rename(at, name, nameEnd, end, variant.nameBytes);
    this.#upstream.ledger.extended(Owed.bind);
    return true;
  }

  describe(found: ClientStatement, at: number, end: number, name: number, nameEnd: number) {
    const variant = this.#copies.ensure(found, at);
    if (found.describedIn === -1) found.describedIn = this.#options.client.remembered.batch.number;
    this.#upstream.rename(at, name, nameEnd, end, variant.nameBytes);
    this.#upstream.ledger.extended(Owed.describe);
  }

  /** The server keeps its copy for others; a name that it does not have is closed in its place. */
  close(found: ClientStatement, at: number, end: number): void {
    const { statements, batch } = this.#options.client.remembered;
    this.#upstream.replace(at, end, CLOSE_NOTHING);
    this.#upstream.ledger.extended(Owed.close, statements.closeSent(found, batch.number));
  }

  #sharedOf(body: Buffer): SharedStatement {
    const { texts } = this.#options;
    const zero = body.indexOf(0);
    const effects = texts.scan(body, 0, zero === -1 ? body.length : zero);
    return new SharedStatement(body, effects, texts.names);
  }

  /** The name is taken: the server is made to say so, behind whatever else it has to say about the text. */
  #duplicate(segment: Buffer, at: number, end: number, fullName: string, body: number): void {
    const { ledger, server } = this.#upstream;
    const name = harmless(fullName);
    this.#upstream.inject(at, closeAndParse(name, NO_TEXT), Owed.ourClose);
    ledger.extended(Owed.ourParse);
    server.leftovers.push(name);
    if (end <= segment.length && name !== fullName)
      this.#upstream.replace(at, end, parseStatement(name, segment.subarray(body, end)));
    ledger.extended(Owed.parse);
  }

  /** Too long to be kept: it stays on this server, which stays with the client. */
  #parseLong(at: number, end: number, fullName: string, nameEnd: number): void {
    const { client } = this.#options;
    const { batch, traces, statements } = client.remembered;
    const refusal = client.refusal(Effect.pins);
    if (refusal !== undefined) {
      this.#upstream.refuse(at, end, refusal);
      return;
    }
    const variant = variantOf(uniqueName("long"), NO_TEXT);
    const statement = new SharedStatement(NO_TEXT, Effect.none, NO_NAMES);
    statement.fix(variant);
    traces.effects |= Effect.pins;
    const found = statements.parseSent(fullName, statement, batch.number);
    const sent = this.#upstream.server.statements.parseSent(variant.name, batch.number);
    this.#upstream.rename(at, at + HEADER_BYTES, nameEnd, end, variant.nameBytes);
    this.#copies.parseAnswers(found, sent);
  }
}

const CLOSE_NOTHING = closeStatement(NO_STATEMENT);
