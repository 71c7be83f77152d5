import type { Outcome } from "../server/index.js";
import type { CurrentClient } from "./current-client.js";
import { Effect } from "./effect.js";
import { HEADER_BYTES } from "./message-bytes.js";
import { NOTHING, RESETS, type Tagged } from "./outcomes.js";
import type { RunEffects } from "./run-effects.js";
import type { SqlStatements } from "./sql-statements.js";
import type { StatementScanner } from "./statement-scanner.js";
import type { TextNames } from "./text-names.js";
import type { Upstream } from "./upstream.js";

export interface SimpleQueriesOptions {
  readonly upstream: Upstream;
  readonly client: CurrentClient;
  readonly texts: StatementScanner;
  readonly sql: SqlStatements;
  readonly runs: RunEffects;
}

/** Hot path: Query messages. A text that does nothing to the session goes on as it came. */
export class SimpleQueries {
  readonly #options: SimpleQueriesOptions;

  constructor(options: SimpleQueriesOptions) {
    this.#options = options;
  }

  /** False: it has to wait for answers. */
  query(segment: Buffer, at: number, end: number): boolean {
    const { upstream, client } = this.#options;
    const { naming, restores } = client;
    const { batch, unnamed } = client.remembered;
    if (batch.unsynced) upstream.ledger.doubt();
    if (end > segment.length || (naming === "session" && !restores)) this.#owe(undefined);
    else {
      // Without the zero behind the text.
      const effects = this.#options.texts.scan(segment, at + HEADER_BYTES, end - 1);
      if (naming === "session") {
        // Nothing is tracked; but the server's own login is not the client's.
        this.#enter(undefined, this.#options.texts.names, end);
        return true;
      }
      if (effects === Effect.none) this.#owe(undefined);
      else if (!this.#queryWith(effects, at, end)) return false;
    }
    upstream.fresh = false;
    if (!batch.unsynced) unnamed.destroyed();
    return true;
  }

  #owe(outcome: Tagged | undefined): void {
    const { upstream, client } = this.#options;
    upstream.ledger.query(client.remembered.batch.unsynced ? this.#inBatch(outcome ?? NOTHING) : outcome);
  }

  /** In an open batch an error makes the server skip it: then the unnamed statement is still there. */
  #inBatch(outcome: Outcome): Outcome {
    const { client } = this.#options;
    const { batch, unnamed } = client.remembered;
    if (!batch.unsynced || client.naming === "session") return outcome;
    unnamed.endSent();
    return {
      ...outcome,
      done: () => {
        outcome.done();
        unnamed.done();
      },
      failed: () => {
        outcome.failed();
        unnamed.skipped();
      },
    };
  }

  #queryWith(effects: number, at: number, end: number): boolean {
    const { upstream, client, texts, sql, runs } = this.#options;
    const refusal = client.refusal(effects);
    if (refusal !== undefined) {
      upstream.refuseQuery(at, end, this.#inBatch(refusal));
      return true;
    }
    const { names } = texts;
    const used = sql.used(effects, names);
    if (used === "undecided") return false;
    if (used.length > 0 && effects & Effect.executes && upstream.ledger.owed > 0) return false;
    runs.note(effects, names);
    if (!client.remembered.batch.unsynced) upstream.readSequences(effects, at);
    const outcome = sql.outcomeOf(effects, used);
    sql.materialiseForQuery(effects, used, at);
    this.#enter(outcome, names, end);
    return true;
  }

  /** With a query of ours behind it, where it resets what the client came with. */
  #enter(outcome: Tagged | undefined, { resetNames }: TextNames, end: number): void {
    const { upstream, client } = this.#options;
    const restoring = resetNames.length > 0 ? client.asker.restore(resetNames) : undefined;
    if (restoring === undefined) {
      this.#owe(outcome);
      return;
    }
    this.#owe(outcome === undefined ? RESETS : { ...NOTHING, ...outcome, resets: true });
    upstream.restore(restoring, end);
  }
}
