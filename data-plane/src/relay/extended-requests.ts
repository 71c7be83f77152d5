import { Frontend, MalformedMessage } from "../wire/index.js";
import type { CurrentClient } from "./current-client.js";
import { Effect } from "./effect.js";
import { HEADER_BYTES, nameEndOf, STATEMENT } from "./message-bytes.js";
import type { NamedRequests } from "./named-requests.js";
import { Owed } from "./owed.js";
import type { UnnamedRequests } from "./unnamed-requests.js";
import type { Upstream } from "./upstream.js";

/** Hot path: Parse, Bind, Describe and Close, each to whom its statement's name means. False: it has to wait. */
export class ExtendedRequests {
  readonly #upstream: Upstream;
  readonly #client: CurrentClient;
  readonly #withName: NamedRequests;
  readonly #withoutName: UnnamedRequests;

  constructor(upstream: Upstream, client: CurrentClient, named: NamedRequests, unnamed: UnnamedRequests) {
    this.#upstream = upstream;
    this.#client = client;
    this.#withName = named;
    this.#withoutName = unnamed;
  }

  parse(segment: Buffer, at: number, end: number): boolean {
    this.#begin(segment, at);
    if (this.#client.naming === "session") {
      this.#upstream.ledger.extended(Owed.parse);
      return true;
    }
    const name = at + HEADER_BYTES;
    if (segment[name] === 0) return this.#withoutName.parse(segment, at, end);
    if (this.#client.naming === "client") return this.#withName.parse(segment, at, end);
    nameEndOf(segment, name, end);
    const refusal = this.#client.refusal(Effect.mayPin);
    if (refusal !== undefined) this.#upstream.refuse(at, end, refusal);
    else {
      this.#client.remembered.traces.effects |= Effect.looks | Effect.mayPin;
      this.#upstream.ledger.extended(Owed.parse);
    }
    return true;
  }

  bind(segment: Buffer, at: number, end: number): boolean {
    this.#begin(segment, at);
    if (this.#client.naming === "session") {
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
    if (this.#client.naming === "session" || segment[kind] !== STATEMENT)
      this.#upstream.ledger.extended(Owed.describe);
    else if (segment[kind + 1] === 0) this.#withoutName.describe(at);
    else return this.#named(Frontend.Describe, Owed.describe, segment, at, end, kind + 1);
    return true;
  }

  close(segment: Buffer, at: number, end: number): boolean {
    this.#client.remembered.batch.unsynced = true;
    const kind = at + HEADER_BYTES;
    if (this.#client.naming === "session" || segment[kind] !== STATEMENT)
      this.#upstream.ledger.extended(Owed.close);
    else if (segment[kind + 1] === 0) this.#withoutName.close();
    else {
      if (this.#client.naming === "server") this.#client.remembered.traces.effects |= Effect.mayUnpin;
      return this.#named(Frontend.Close, Owed.close, segment, at, end, kind + 1);
    }
    return true;
  }

  #begin(segment: Buffer, at: number): void {
    const { batch } = this.#client.remembered;
    batch.begin(segment, at, this.#upstream.ledger);
    batch.unsynced = true;
  }

  /** A message of this type that names a statement at `name`, and is answered as `owed`. */
  #named(type: number, owed: number, segment: Buffer, at: number, end: number, name: number): boolean {
    if (this.#client.naming === "server") {
      this.#upstream.ledger.extended(owed);
      return true;
    }
    const { statements, batch, traces } = this.#client.remembered;
    const nameEnd = nameEndOf(segment, name, end);
    const found = statements.find(segment, name, nameEnd, batch.number);
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
