import type { Outcome } from "../server/index.js";
import type { CurrentClient } from "./current-client.js";
import { Effect } from "./effect.js";
import { HEADER_BYTES } from "./message-bytes.js";
import { NOTHING } from "./outcomes.js";
import { Owed } from "./owed.js";
import type { RunEffects } from "./run-effects.js";
import { closeStatement, parseStatement } from "./shared-statements.js";
import type { SqlStatements } from "./sql-statements.js";
import type { StatementScanner } from "./statement-scanner.js";
import type { UnnamedStatement } from "./unnamed-statement.js";
import type { Upstream } from "./upstream.js";

export interface UnnamedRequestsOptions {
  readonly upstream: Upstream;
  readonly client: CurrentClient;
  readonly texts: StatementScanner;
  readonly sql: SqlStatements;
  readonly runs: RunEffects;
}

/** Hot path: messages that mean the unnamed statement. False: the message has to wait for answers. */
export class UnnamedRequests {
  readonly #options: UnnamedRequestsOptions;
  readonly #upstream: Upstream;
  /** What was to bring it may have been passed over because of an error in front of it. */
  readonly #brought: Outcome;

  constructor(options: UnnamedRequestsOptions) {
    this.#options = options;
    this.#upstream = options.upstream;
    this.#brought = {
      ...NOTHING,
      failed: () => {
        this.#unnamed.onServer = false;
      },
    };
  }

  get #unnamed(): UnnamedStatement {
    return this.#options.client.remembered.unnamed;
  }

  parse(segment: Buffer, at: number, end: number): boolean {
    const { client, texts, sql } = this.#options;
    const { batch, unnamed } = client.remembered;
    if (end > segment.length) {
      // It goes on as it comes; its text is not looked at whole.
      unnamed.longParseSent(Effect.looks);
      this.#upstream.ledger.extended(Owed.parseUnnamed);
      return true;
    }
    const text = at + HEADER_BYTES + 1;
    const zero = segment.indexOf(0, text);
    const effects = texts.scan(segment, text, zero === -1 || zero > end ? end : zero);
    const { names } = texts;
    if (effects & Effect.names) {
      const used = sql.used(effects, names);
      if (used === "undecided") return false;
      sql.materialise(used, at);
    }
    if (batch.opens) this.#upstream.readSequences(effects, at);
    unnamed.parseSent(segment, text, end, effects, names);
    this.#upstream.ledger.extended(Owed.parseUnnamed);
    return true;
  }

  bind(at: number, end: number): boolean {
    const unnamed = this.#unnamed;
    if (unnamed.effects !== Effect.none && unnamed.exists) {
      const verdict = this.#options.runs.bound(at, end, unnamed.effects, unnamed.names);
      if (verdict !== "goes on") return verdict === "refused";
    }
    if (!unnamed.onServer) this.#bring(at);
    unnamed.longUsed();
    this.#upstream.ledger.extended(Owed.bind);
    return true;
  }

  describe(at: number): void {
    if (!this.#unnamed.onServer) this.#bring(at);
    this.#upstream.ledger.extended(Owed.describe);
  }

  close(): void {
    this.#unnamed.endSent();
    this.#upstream.ledger.extended(Owed.closeUnnamed);
  }

  /** The server at hand has no unnamed statement, or somebody else's. */
  #bring(at: number): void {
    const unnamed = this.#unnamed;
    const { body } = unnamed;
    unnamed.onServer = true;
    if (body === undefined) this.#upstream.inject(at, DROP_UNNAMED, Owed.ourClose, this.#brought);
    else {
      this.#options.client.asker.meter.parsesInjected(1);
      this.#upstream.inject(at, parseStatement("", body), Owed.ourParse, this.#brought);
    }
  }
}

const DROP_UNNAMED = closeStatement("");
