import { Backend } from "../wire/index.js";
import type { CurrentClient } from "./current-client.js";
import type { Ledger } from "./ledger.js";
import { MATERIALISED, RESTORES, type Refusal, type Tagged } from "./outcomes.js";
import { Outgoing } from "./outgoing.js";
import { Owed } from "./owed.js";

/**
 * Hot path: counts a server's answers off the ledger, and takes out of them what answers messages of our own. A segment
 * that holds nothing of the kind goes on as it came.
 */
export class Replies {
  readonly #ledger: Ledger;
  readonly #out = new Outgoing();
  /** What is to be taken out of the segment: pairs of offsets, and what comes in its place. */
  readonly #cuts: number[] = [];
  readonly #instead: (Buffer | undefined)[] = [];
  /** Begins a part that answers a query of our own, up to its ReadyForQuery; -1: there is none. */
  #swallowFrom = -1;
  /** Of a message that is cut, what the next segments hold. */
  #carried = 0;
  #tagged: Tagged | undefined;
  #errorFrom = -1;
  #errorEnd = 0;
  #swallowsReady = false;
  #errorReplaced = false;
  /** What the client knows of the parameters while a reset is followed by a query of ours. */
  #told: ReadonlyMap<string, string> | undefined;
  readonly #client: CurrentClient;

  constructor(ledger: Ledger, client: CurrentClient) {
    this.#ledger = ledger;
    this.#client = client;
  }

  /** They are another client's from now on; nothing of the last one's is under way. */
  reset(): void {
    this.#swallowFrom = -1;
    this.#carried = 0;
    this.#tagged = undefined;
    this.#errorFrom = -1;
    this.#swallowsReady = false;
    this.#errorReplaced = false;
    this.#told = undefined;
    if (this.#instead.length > 0) {
      this.#cuts.length = 0;
      this.#instead.length = 0;
    }
  }

  /** The error that came just now has given way to another already. */
  get errorReplaced(): boolean {
    return this.#errorReplaced;
  }

  /** What `commandComplete` will tell the tag of. */
  get tagged(): Tagged | undefined {
    return this.#tagged;
  }

  begins(type: number, start: number, end: number): void {
    const ledger = this.#ledger;
    const front = ledger.front;
    if (front === Owed.ourQuery) {
      if (this.#swallowFrom < 0) this.#swallowFrom = start;
      // The ReadyForQuery of what was reset comes only now, and in front of it what has really changed.
      if (type === Backend.ReadyForQuery && ledger.frontOutcome === RESTORES) {
        const told = this.#told ?? this.#client.asker.parameters();
        this.#told = undefined;
        this.#cut(this.#swallowFrom, start, this.#client.asker.changesSince(told));
        this.#swallowFrom = -1;
      }
      return;
    }
    if (
      (front === Owed.query || front === Owed.sync) &&
      (ledger.frontOutcome as Tagged | undefined)?.resets
    ) {
      if (type === Backend.ParameterStatus || type === Backend.ReadyForQuery) {
        this.#told ??= new Map(this.#client.asker.parameters());
        this.#cut(start, end);
        return;
      }
    }
    switch (type) {
      case Backend.ParseComplete:
        if (front === Owed.ourParse) this.#cut(start, end);
        if (front === Owed.ourParse || front === Owed.parse || front === Owed.parseUnnamed) ledger.done();
        break;
      case Backend.BindComplete:
        if (front === Owed.bind) ledger.done();
        break;
      case Backend.CloseComplete:
        if (front === Owed.ourClose) this.#cut(start, end);
        if (front === Owed.ourClose || front === Owed.close || front === Owed.closeUnnamed) ledger.done();
        break;
      case Backend.RowDescription:
      case Backend.NoData:
        if (front === Owed.describe) ledger.done();
        break;
      case Backend.CommandComplete:
        ledger.copied();
        this.#tagged = ledger.frontOutcome as Tagged | undefined;
        if (front === Owed.execute) ledger.done();
        break;
      case Backend.EmptyQueryResponse:
      case Backend.PortalSuspended:
        if (front === Owed.execute) ledger.done();
        break;
      case Backend.ErrorResponse:
        this.#errorReplaced = true;
        if (front === Owed.refused || front === Owed.refusedQuery)
          this.#cut(start, end, (ledger.frontOutcome as Refusal | undefined)?.message);
        else if (ledger.frontOutcome === MATERIALISED) this.#cut(start, end);
        else this.#errorReplaced = false;
        this.#errorFrom = start;
        this.#errorEnd = end;
        break;
      case Backend.ReadyForQuery:
        if (this.#swallowsReady || front === Owed.ourSync) this.#cut(start, end);
        this.#swallowsReady = false;
        break;
    }
  }

  readyForQuery(end: number): void {
    if (this.#swallowFrom >= 0) {
      this.#cut(this.#swallowFrom, end);
      this.#swallowFrom = -1;
    }
    this.#ledger.ready();
  }

  /** The error that came just now does not reach the client; false: some of it has gone already. */
  swallowError(): boolean {
    if (this.#errorFrom < 0) return false;
    this.#cut(this.#errorFrom, this.#errorEnd);
    return true;
  }

  /** In place of the error that came just now, if nothing of it has gone yet. */
  replaceError(message: Buffer): void {
    if (this.#errorFrom >= 0) this.#cut(this.#errorFrom, this.#errorEnd, message);
  }

  /** The ReadyForQuery that comes next does not reach the client. */
  swallowReady(): void {
    this.#swallowsReady = true;
  }

  /** What the client gets of this segment; undefined: nothing. */
  pass(segment: Buffer): Buffer | undefined {
    this.#errorFrom = -1;
    if (this.#cuts.length === 0 && this.#swallowFrom < 0 && this.#carried === 0)
      return segment.length === 0 ? undefined : segment;
    const out = this.#out;
    out.begin(segment);
    if (this.#carried > 0) {
      out.cut(0, this.#carried);
      this.#carried = Math.max(0, this.#carried - segment.length);
    }
    for (let i = 0; i < this.#instead.length; i++) {
      const from = this.#cuts[2 * i] ?? 0;
      const to = this.#cuts[2 * i + 1] ?? 0;
      const instead = this.#instead[i];
      if (instead !== undefined) out.insert(from, instead);
      out.cut(from, to);
      this.#carried = Math.max(this.#carried, to - segment.length);
    }
    this.#cuts.length = 0;
    this.#instead.length = 0;
    if (this.#swallowFrom >= 0) {
      out.cut(this.#swallowFrom, segment.length);
      this.#swallowFrom = Math.max(0, this.#swallowFrom - segment.length);
    }
    return out.end(segment.length);
  }

  #cut(from: number, to: number, instead?: Buffer): void {
    this.#cuts.push(from, to);
    this.#instead.push(instead);
  }
}
