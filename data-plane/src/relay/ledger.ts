import type { Outcome } from "../server/index.js";
import { endsInReady, isUnnamed, mayCopy, Owed } from "./owed.js";
import { OwedRing } from "./owed-ring.js";

/** What became of a client's Parse or Close of the unnamed statement, in the order in which they were sent. */
export interface UnnamedOutcomes {
  done(): void;
  failed(): void;
  /** An error in front of it makes the server pass it over. */
  skipped(): void;
  /** None that is under way will be answered. */
  forget(): void;
}

/**
 * Hot path: what the server still owes, message by message, in the order in which it was sent. An error in the
 * extended protocol makes the server skip everything up to the next Sync, a Query in between included; so it has to be
 * known of each message whether it was answered. ("Pipelining" and "COPY Operations" in PostgreSQL's documentation;
 * `ignore_till_sync` in its source.)
 *
 * Invariants: #owed is the number of entries that ReadyForQuery answers; while #skipping nothing is entered but a Sync.
 */
export class Ledger {
  readonly #ring = new OwedRing();
  #owed = 0;
  /** Of #owed, those that are not the client's. */
  #ours = 0;
  #copying = false;
  #skipping = false;
  /** Queries and Executes that may turn out to be a COPY. */
  #mayCopy = 0;
  /** Syncs that the server has read as a part of COPY data, unless the COPY had failed by then. */
  #syncsInCopy = 0;
  #uncertain = false;
  #answered = 0;
  /** Told of the unnamed statement: without an object of its own for each Parse. */
  unnamed: UnnamedOutcomes | undefined;

  /** How many ReadyForQuery are still to come. */
  get owed(): number {
    return this.#owed;
  }

  /** The client waits for an answer. */
  get asked(): boolean {
    return this.#owed > this.#ours;
  }

  /** The server reads COPY data. */
  get copying(): boolean {
    return this.#copying;
  }

  /**
   * Nobody can tell what is still to come: a Sync was sent into a COPY that failed, or a Query into an open batch, after
   * which PostgreSQL (18.4) refuses the next statement with XX000.
   */
  get uncertain(): boolean {
    return this.#uncertain;
  }

  /** How many messages of the client's batch have been answered, if one is under way alone. */
  get answered(): number {
    return this.#answered;
  }

  beginBatch(): void {
    this.#answered = 0;
  }

  /** The server may not be what its ReadyForQuery says: it is asked something before anybody else gets it. */
  doubt(): void {
    this.#uncertain = true;
  }

  /** As a new one: nothing is owed, nothing that comes will be skipped, and it has not grown. */
  get blank(): boolean {
    return (
      this.#ring.length === 0 &&
      this.#ring.small &&
      this.#owed === 0 &&
      this.#syncsInCopy === 0 &&
      !this.#copying &&
      !this.#skipping &&
      !this.#uncertain
    );
  }

  /** What the server answers next. */
  get front(): number {
    return this.#ring.front;
  }

  get frontOutcome(): Outcome | undefined {
    return this.#ring.frontOutcome;
  }

  query(outcome?: Outcome, kind: number = Owed.query): void {
    if (this.#skipping) {
      outcome?.failed();
      return;
    }
    this.#ring.push(kind, outcome);
    this.#owed += 1;
    this.#mayCopy += 1;
  }

  ourQuery(outcome?: Outcome): void {
    if (this.#skipping) return;
    this.#ring.push(Owed.ourQuery, outcome);
    this.#owed += 1;
    this.#ours += 1;
  }

  ourSync(): void {
    if (this.#skipping) return;
    this.#ring.push(Owed.ourSync, undefined);
    this.#owed += 1;
    this.#ours += 1;
  }

  sync(outcome?: Outcome): void {
    if (this.#copying) {
      this.#syncsInCopy += 1;
      return;
    }
    this.#skipping = false;
    this.#ring.push(Owed.sync, outcome);
    this.#owed += 1;
  }

  /** A message of the extended protocol. */
  extended(kind: number, outcome?: Outcome): void {
    if (this.#skipping) {
      if (isUnnamed(kind)) this.unnamed?.skipped();
      outcome?.failed();
      return;
    }
    this.#ring.push(kind, outcome);
    if (kind === Owed.execute) this.#mayCopy += 1;
  }

  copyEnd(): void {
    if (this.#copying) this.#copying = false;
    // Else it came too late, or ahead of a COPY that has not begun yet.
    else if (this.#mayCopy > 0 && !this.#skipping) this.#ring.push(Owed.copyEnd, undefined);
  }

  /** The front was answered. */
  done(): void {
    const entry = this.front;
    if (entry !== Owed.ourParse && entry !== Owed.ourClose) this.#answered += 1;
    if (isUnnamed(entry)) this.unnamed?.done();
    const outcome = this.#shift();
    if (outcome !== undefined) outcome.done();
  }

  /** ErrorResponse came: what the server will skip is not owed any more. */
  error(): void {
    const failed = this.front;
    if (this.#syncsInCopy > 0) {
      this.#uncertain = true;
      this.#syncsInCopy = 0;
    }
    this.#copying = false;
    if (failed === Owed.none || endsInReady(failed)) return;
    if (isUnnamed(failed)) this.unnamed?.failed();
    for (let isFailed = true; this.#ring.length > 0; isFailed = false) {
      const entry = this.#ring.front;
      if (entry === Owed.sync || entry === Owed.ourSync) break;
      if (endsInReady(entry)) this.#settle(entry);
      else if (!isFailed && isUnnamed(entry)) this.unnamed?.skipped();
      this.#shift()?.failed();
    }
    this.#skipping = this.#ring.length === 0;
  }

  /** ReadyForQuery came. */
  ready(): void {
    this.#copying = false;
    this.#syncsInCopy = 0;
    while (this.#ring.length > 0) {
      const entry = this.#ring.front;
      const outcome = this.#shift();
      if (!endsInReady(entry)) {
        if (isUnnamed(entry)) this.unnamed?.failed();
        outcome?.failed();
        continue;
      }
      this.#settle(entry);
      outcome?.done();
      break;
    }
    // A CopyDone that came too late is ignored by the server.
    while (this.front === Owed.copyEnd) this.#shift();
  }

  /** CopyInResponse came: the Syncs that were sent before the data's end are never answered. */
  copyIn(): void {
    let ended = false;
    this.#ring.keepOnly((entry, isFront) => {
      if (isFront || ended) return true;
      if (entry === Owed.sync) {
        this.#owed -= 1;
        this.#syncsInCopy += 1;
        return false;
      }
      ended = entry === Owed.copyEnd;
      return !ended;
    });
    this.#copying = !ended;
  }

  /** CommandComplete: COPY, if it was one, has taken its data whole. */
  copied(): void {
    this.#syncsInCopy = 0;
  }

  /** For another server, or none. */
  clear(): void {
    while (this.#ring.length > 0) this.#shift()?.failed();
    this.unnamed?.forget();
    this.#owed = 0;
    this.#ours = 0;
    this.#copying = false;
    this.#skipping = false;
    this.#syncsInCopy = 0;
    this.#uncertain = false;
  }

  #settle(entry: number): void {
    this.#owed -= 1;
    if (entry === Owed.ourQuery || entry === Owed.ourSync) this.#ours -= 1;
  }

  #shift(): Outcome | undefined {
    if (mayCopy(this.#ring.front)) this.#mayCopy -= 1;
    return this.#ring.shift();
  }
}
