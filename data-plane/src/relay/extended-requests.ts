import { Frontend, MalformedMessage } from "../wire/index.js";
import type { Batch } from "./batch.js";
import type { ClientStatements } from "./client-statements.js";
import { Effect } from "./effect.js";
import { HEADER_BYTES, nameEndOf, STATEMENT } from "./message-bytes.js";
import type { NamedRequests } from "./named-requests.js";
import type { Naming } from "./naming.js";
import { Owed } from "./owed.js";
import type { Traces } from "./traces.js";
import type { UnnamedRequests } from "./unnamed-requests.js";
import type { Upstream } from "./upstream.js";

export interface ExtendedRequestsOptions {
  readonly upstream: Upstream;
  readonly batch: Batch;
  readonly traces: Traces;
  readonly clients: ClientStatements;
  readonly naming: Naming;
}

/** Hot path: Parse, Bind, Describe and Close, each to whom its statement's name means. False: it has to wait. */
export class ExtendedRequests {
  readonly #options: ExtendedRequestsOptions;
  readonly #upstream: Upstream;
  readonly #batch: Batch;
  readonly #naming: Naming;
  readonly #withName: NamedRequests;
  readonly #withoutName: UnnamedRequests;

  constructor(options: ExtendedRequestsOptions, named: NamedRequests, unnamed: UnnamedRequests) {
    this.#options = options;
    this.#withName = named;
    this.#withoutName = unnamed;
    this.#upstream = options.upstream;
    this.#batch = options.batch;
    this.#naming = options.naming;
  }

  parse(segment: Buffer, at: number, end: number): boolean {
    this.#begin(segment, at);
    const { traces } = this.#options;
    if (this.#naming === "session") {
      this.#upstream.ledger.extended(Owed.parse);
      return true;
    }
    const name = at + HEADER_BYTES;
    if (segment[name] === 0) return this.#withoutName.parse(segment, at, end);
    if (this.#naming === "client") return this.#withName.parse(segment, at, end);
    nameEndOf(segment, name, end);
    const refusal = traces.refusal(Effect.mayPin);
    if (refusal !== undefined) this.#upstream.refuse(at, end, refusal);
    else {
      traces.effects |= Effect.looks | Effect.mayPin;
      this.#upstream.ledger.extended(Owed.parse);
    }
    return true;
  }

  bind(segment: Buffer, at: number, end: number): boolean {
    this.#begin(segment, at);
    if (this.#naming === "session") {
      this.#upstream.ledger.extended(Owed.bind);
      return true;
    }
    const portal = at + HEADER_BYTES;
    const name = segment[portal] === 0 ? portal + 1 : segment.indexOf(0, portal) + 1;
    if (name === 0 || name >= end) throw new MalformedMessage("a name has no end");
    if (segment[name] === 0) return this.#withoutName.bind(at, end);
    return this.#named(Frontend.Bind, Owed.bind, segment, at, end, name);
  }

  describe(segment: Buffer, at: number, end: number): boolean {
    this.#begin(segment, at);
    const kind = at + HEADER_BYTES;
    if (this.#naming === "session" || segment[kind] !== STATEMENT)
      this.#upstream.ledger.extended(Owed.describe);
    else if (segment[kind + 1] === 0) this.#withoutName.describe(at);
    else return this.#named(Frontend.Describe, Owed.describe, segment, at, end, kind + 1);
    return true;
  }

  close(segment: Buffer, at: number, end: number): boolean {
    this.#batch.unsynced = true;
    const kind = at + HEADER_BYTES;
    if (this.#naming === "session" || segment[kind] !== STATEMENT) this.#upstream.ledger.extended(Owed.close);
    else if (segment[kind + 1] === 0) this.#withoutName.close();
    else {
      if (this.#naming === "server") this.#options.traces.effects |= Effect.mayUnpin;
      return this.#named(Frontend.Close, Owed.close, segment, at, end, kind + 1);
    }
    return true;
  }

  #begin(segment: Buffer, at: number): void {
    this.#batch.begin(segment, at, this.#upstream.ledger);
    this.#batch.unsynced = true;
  }

  /** A message of this type that names a statement at `name`, and is answered as `owed`. */
  #named(type: number, owed: number, segment: Buffer, at: number, end: number, name: number): boolean {
    if (this.#naming === "server") {
      this.#upstream.ledger.extended(owed);
      return true;
    }
    const { clients, traces } = this.#options;
    const nameEnd = nameEndOf(segment, name, end);
    const found = clients.find(segment, name, nameEnd, this.#batch.number);
    if (found === "undecided") return false;
    if (found === undefined) {
      // The server will say that it does not exist; or SQL has prepared it.
      if (type === Frontend.Close && traces.pinned) traces.effects |= Effect.mayUnpin;
      this.#upstream.passName(segment, at, name, nameEnd, end);
      this.#upstream.ledger.extended(owed);
      return true;
    }
    if (type === Frontend.Bind) return this.#withName.bind(found, at, end, name, nameEnd);
    if (type === Frontend.Describe) this.#withName.describe(found, at, end, name, nameEnd);
    else this.#withName.close(found, at, end);
    return true;
  }
}
