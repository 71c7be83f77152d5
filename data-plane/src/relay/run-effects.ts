import type { Outcome } from "../server/index.js";
import type { CurrentClient } from "./current-client.js";
import { Effect } from "./effect.js";
import type { ServerCopies } from "./server-copies.js";
import type { SqlStatements } from "./sql-statements.js";
import type { TextNames } from "./text-names.js";
import type { Upstream } from "./upstream.js";

/** Whether a message may go on: "waits" for answers, or "refused" and replaced already. */
export type Verdict = "goes on" | "waits" | "refused";

/** What running a statement will do, taken account of when it is bound. */
export class RunEffects {
  readonly #upstream: Upstream;
  readonly #client: CurrentClient;
  readonly #sql: SqlStatements;
  readonly #copies: ServerCopies;
  /** For the Execute of what was bound last. */
  #executes: Outcome | undefined;
  /** Names to set again behind the next Sync. */
  #resetNames: string[] = [];

  constructor(upstream: Upstream, client: CurrentClient, sql: SqlStatements, copies: ServerCopies) {
    this.#upstream = upstream;
    this.#client = client;
    this.#sql = sql;
    this.#copies = copies;
  }

  note(effects: number, names: TextNames): void {
    this.#client.remembered.traces.note(effects, names);
    if (effects & Effect.parseContext) this.#copies.contextInFlux();
  }

  /** In front of the Bind at `[at, end)` of a statement with these effects. */
  bound(at: number, end: number, effects: number, names: TextNames): Verdict {
    const refusal = this.#client.refusal(effects);
    if (refusal !== undefined) {
      this.#upstream.refuse(at, end, refusal);
      return "refused";
    }
    const used = this.#sql.used(effects, names);
    if (used === "undecided") return "waits";
    this.note(effects, names);
    if (this.#client.remembered.batch.opens) this.#upstream.readSequences(effects, at);
    this.#sql.materialise(used, at);
    this.#executes = this.#sql.outcomeOf(effects, used);
    if (names.resetNames.length > 0) this.#resetNames.push(...names.resetNames);
    return "goes on";
  }

  /** What the Execute that comes next listens for. */
  takeExecutes(): Outcome | undefined {
    const executes = this.#executes;
    if (executes !== undefined) this.#executes = undefined;
    return executes;
  }

  /** Names that the batch has reset. */
  takeResetNames(): readonly string[] {
    const names = this.#resetNames;
    if (names.length > 0) this.#resetNames = [];
    return names;
  }

  forget(): void {
    this.#executes = undefined;
    if (this.#resetNames.length > 0) this.#resetNames = [];
  }
}
