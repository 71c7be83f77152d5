import type { Outcome } from "../server/index.js";
import { SYNC, TransactionStatus } from "../wire/index.js";
import type { ClientStatement } from "./client-statements.js";
import type { CurrentClient } from "./current-client.js";
import { Effect } from "./effect.js";
import { NO_TEXT } from "./message-bytes.js";
import { MATERIALISED, NOTHING, type Tagged } from "./outcomes.js";
import { Owed } from "./owed.js";
import { closeAndParse, OUR_PREFIX } from "./shared-statements.js";
import type { TextNames } from "./text-names.js";
import type { Upstream } from "./upstream.js";

/** The client's statements where SQL names them: EXECUTE, DEALLOCATE, PREPARE, DISCARD ALL. */
export class SqlStatements {
  readonly #upstream: Upstream;
  readonly #client: CurrentClient;

  constructor(upstream: Upstream, client: CurrentClient) {
    this.#upstream = upstream;
    this.#client = client;
  }

  /** Those that a text uses. */
  used(effects: number, { statementNames }: TextNames): readonly ClientStatement[] | "undecided" {
    if (!(effects & Effect.names) || this.#client.naming !== "client") return NO_STATEMENTS;
    const { statements, batch, traces } = this.#client.remembered;
    const used: ClientStatement[] = [];
    for (const name of statementNames) {
      // SQL that meddles with ours: this server is nobody else's any more.
      if (name.startsWith(OUR_PREFIX)) traces.effects |= Effect.pins;
      else {
        const found = statements.byName(name, batch.number);
        if (found === "undecided") return found;
        if (found !== undefined && !found.statement.fixed && !used.includes(found)) used.push(found);
      }
    }
    return used;
  }

  /** Prepares them under the client's names, for SQL that uses them. */
  materialise(used: readonly ClientStatement[], at: number): void {
    for (const { name, statement } of used) {
      this.#upstream.inject(at, closeAndParse(name, statement.body), Owed.ourClose);
      this.#upstream.ledger.extended(Owed.ourParse);
      this.#leaves(name);
    }
  }

  /**
   * The same for a simple query, which must come to run whatever becomes of them. Where nothing but the names matters,
   * or nothing will run, an empty text does; it is accepted even in a failed transaction.
   */
  materialiseForQuery(effects: number, used: readonly ClientStatement[], at: number): void {
    const { ledger, out, server } = this.#upstream;
    const runs = (effects & Effect.executes) !== 0 && server.transactionStatus !== TransactionStatus.failed;
    for (const { name, statement } of used) {
      this.#upstream.inject(at, closeAndParse(name, runs ? statement.body : NO_TEXT), Owed.ourClose);
      ledger.extended(Owed.ourParse, MATERIALISED);
      this.#leaves(name);
    }
    if (runs && used.length > 0 && !this.#client.remembered.batch.unsynced) {
      out.insert(at, SYNC);
      ledger.ourSync();
    }
  }

  /** Listens for what the text says that it has done. */
  outcomeOf(effects: number, used: readonly ClientStatement[]): Outcome | undefined {
    if (!(effects & Effect.tags)) return undefined;
    const { server } = this.#upstream;
    server.watchTags = true;
    const names = used.map(({ name }) => name);
    const outcome: Tagged = {
      ...NOTHING,
      tag: (tag) => {
        if (tag === "DEALLOCATE ALL") this.#deallocated();
        else if (tag === "DISCARD ALL") {
          this.#deallocated();
          server.leftovers.length = 0;
          server.discarded();
        } else if (tag === "DEALLOCATE") {
          const name = names.shift();
          if (name === undefined) return;
          this.#client.remembered.statements.remove(name);
          const at = server.leftovers.indexOf(name);
          if (at !== -1) server.leftovers.splice(at, 1);
        }
      },
    };
    return outcome;
  }

  #deallocated(): void {
    this.#client.remembered.statements.clear();
    this.#upstream.serverAtHand?.statements.clear();
  }

  #leaves(name: string): void {
    const { leftovers } = this.#upstream.server;
    if (!leftovers.includes(name)) leftovers.push(name);
  }
}

const NO_STATEMENTS: readonly ClientStatement[] = [];
