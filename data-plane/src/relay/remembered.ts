import { Batch } from "./batch.js";
import { ClientStatements } from "./client-statements.js";
import type { SharedStatements } from "./shared-statements.js";
import { Traces } from "./traces.js";
import { UnnamedStatement } from "./unnamed-statement.js";

/** What is known of a client from one request to the next, whatever follows them. */
export class Remembered {
  /** Where its statements are held together with those of others. */
  readonly shared: SharedStatements;
  readonly statements: ClientStatements;
  readonly unnamed = new UnnamedStatement();
  readonly traces = new Traces();
  readonly batch = new Batch();

  constructor(shared: SharedStatements) {
    this.shared = shared;
    this.statements = new ClientStatements(shared);
  }

  /** As of a client that has asked nothing yet. Between transactions only. */
  get blank(): boolean {
    return this.statements.size === 0 && this.unnamed.blank && this.traces.blank;
  }

  /** The client is gone. */
  clear(): void {
    this.statements.clear();
    this.unnamed.clear();
  }
}
