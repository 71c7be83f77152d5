import type { ServerStatements } from "../server/index.js";
import type { ClientStatement } from "./client-statements.js";
import type { CurrentClient } from "./current-client.js";
import { Owed } from "./owed.js";
import {
  closeStatement,
  OUR_PREFIX,
  type ServerVariant,
  type SharedStatement,
  variantOf,
} from "./shared-statements.js";
import type { Upstream } from "./upstream.js";

let serial = 0;

/** A name on the servers that nothing else has. */
export function uniqueName(kind: "in" | "long"): string {
  serial += 1;
  return `${OUR_PREFIX}${kind}_${serial}`;
}

/**
 * Hot path: a client's statements as servers hold them. On the server a statement has a name made of what it is; where
 * the server does not have it, Close and Parse go in front, and their answers are swallowed.
 */
export class ServerCopies {
  readonly #upstream: Upstream;
  readonly #client: CurrentClient;
  /** Statements parsed under settings that nobody knows for certain. */
  #flux: Map<SharedStatement, ServerVariant> | undefined;

  constructor(upstream: Upstream, client: CurrentClient) {
    this.#upstream = upstream;
    this.#client = client;
  }

  /** What Parse depends on may be other than the session's settings say, up to the transaction's end. */
  contextInFlux(): void {
    this.#flux ??= new Map();
  }

  /** The transaction is over, and what it did to the settings is known. */
  transactionEnded(): void {
    if (this.#flux === undefined) return;
    const server = this.#upstream.serverAtHand;
    for (const { name } of this.#flux.values()) {
      server?.statements.closeSent(name);
      server?.leftovers.push(name);
    }
    this.#flux = undefined;
  }

  /** The server's name for it, which the server has when the next message comes. */
  ensure(found: ClientStatement, at: number): ServerVariant {
    const { server } = this.#upstream;
    const variant = this.variantFor(found);
    let { entry } = found;
    if (found.server === server && entry?.confirmed && entry.name === variant.name) {
      server.statements.touch(entry);
      return variant;
    }
    entry = server.statements.use(variant.name, this.#client.remembered.batch.number);
    if (entry === undefined) this.#inject(variant, at);
    else {
      found.server = server;
      found.entry = entry;
    }
    return variant;
  }

  variantFor(found: ClientStatement): ServerVariant {
    const { statement } = found;
    if (this.#flux !== undefined && !statement.fixed) {
      let variant = this.#flux.get(statement);
      if (variant === undefined) {
        variant = variantOf(uniqueName("in"), statement.body);
        this.#flux.set(statement, variant);
      }
      return variant;
    }
    const context = this.#client.asker.parseContext;
    if (found.variant === undefined || found.context !== context) {
      found.variant = statement.variant(context);
      found.context = context;
    }
    return found.variant;
  }

  /** In place of the client's own Parse of it. */
  parse(found: ClientStatement, at: number, end: number): void {
    const variant = this.variantFor(found);
    const { statements } = this.#upstream.server;
    this.#makeRoom(statements, variant.name, at);
    const sent = statements.parseSent(variant.name, this.#client.remembered.batch.number);
    this.#upstream.replace(at, end, variant.parse);
    this.#upstream.ledger.extended(Owed.ourClose, sent.close);
    this.parseAnswers(found, sent);
  }

  /** The client's Parse is on its way, under a name of ours. */
  parseAnswers(found: ClientStatement, { entry, parse }: ReturnType<ServerStatements["parseSent"]>): void {
    const { statements } = this.#client.remembered;
    this.#upstream.ledger.extended(Owed.parse, {
      done: () => {
        parse.done();
        statements.parsed(found, entry.stamp);
      },
      failed: () => {
        parse.failed();
        statements.notParsed(found);
      },
    });
  }

  /** In front of the client's Bind or Describe. */
  #inject(variant: ServerVariant, at: number): void {
    const { ledger, out, server } = this.#upstream;
    this.#makeRoom(server.statements, variant.name, at);
    const { close, parse } = server.statements.parseSent(variant.name, this.#client.remembered.batch.number);
    out.insert(at, variant.parse);
    ledger.extended(Owed.ourClose, close);
    ledger.extended(Owed.ourParse, parse);
    this.#client.asker.meter.parsesInjected(1);
  }

  #makeRoom(statements: ServerStatements, name: string, at: number): void {
    if (statements.has(name)) return;
    const surplus = statements.surplus(this.#client.remembered.batch.number);
    if (surplus === undefined) return;
    this.#client.asker.meter.statementsEvicted(1);
    this.#upstream.inject(at, closeStatement(surplus), Owed.ourClose, statements.closeSent(surplus));
  }

  /** Those of the server are out of date: they are parsed again where they are wanted. */
  renew(): void {
    const server = this.#upstream.serverAtHand;
    if (server === undefined) return;
    for (const name of server.statements.names()) server.leftovers.push(name);
    server.statements.clear();
  }
}
