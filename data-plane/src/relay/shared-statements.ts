import { createHash } from "node:crypto";
import type { Pool } from "../pool/index.js";
import { MessageWriter } from "../wire/index.js";
import type { TextNames } from "./text-names.js";

/** Names on the servers begin so. A client's own name that does is altered on its way. */
export const OUR_PREFIX = "sluice_";
/** Never parsed: a Close of it does nothing and is answered. */
export const NO_STATEMENT = OUR_PREFIX;

/**
 * A statement as one kind of session prepares it: a name on the servers, the same for every client that asks for the
 * same text, parameter types and `context` (settings that Parse depends on).
 */
export interface ServerVariant {
  readonly name: string;
  readonly nameBytes: Buffer;
  /** Close and then Parse, under that name. */
  readonly parse: Buffer;
}

const MOST_VARIANTS = 20;

/** One text with its parameter types, held once for all clients that prepared it. */
export class SharedStatement {
  /** Of Parse, behind the name: text, and types. */
  readonly body: Buffer;
  /** What running it may do, see Effect. */
  readonly effects: number;
  readonly names: TextNames;
  readonly #variants = new Map<string, ServerVariant>();
  #fixed: ServerVariant | undefined;
  clients = 0;

  constructor(body: Buffer, effects: number, names: TextNames) {
    this.body = body;
    this.effects = effects;
    this.names = names;
  }

  /** It is on one server under one name, and cannot be prepared on another. */
  get fixed(): boolean {
    return this.#fixed !== undefined;
  }

  fix(variant: ServerVariant): void {
    this.#fixed = variant;
  }

  variant(context: string): ServerVariant {
    if (this.#fixed !== undefined) return this.#fixed;
    const known = this.#variants.get(context);
    if (known !== undefined) return known;
    const hash = createHash("sha256").update(context).update("\0").update(this.body).digest("base64url");
    const variant = variantOf(OUR_PREFIX + hash.slice(0, 22), this.body);
    if (this.#variants.size >= MOST_VARIANTS) this.#variants.clear();
    this.#variants.set(context, variant);
    return variant;
  }
}

export function variantOf(name: string, body: Uint8Array): ServerVariant {
  return { name, nameBytes: Buffer.from(name, "latin1"), parse: closeAndParse(name, body) };
}

/** A name as the client's bytes are: one character a byte. */
export function closeStatement(name: string): Buffer {
  return new MessageWriter().bytes(Buffer.from(`S${name}\0`, "latin1")).end("C");
}

export function parseStatement(name: string, body: Uint8Array): Buffer {
  return new MessageWriter()
    .bytes(Buffer.from(`${name}\0`, "latin1"))
    .bytes(body)
    .end("P");
}

export function closeAndParse(name: string, body: Uint8Array): Buffer {
  return Buffer.concat([closeStatement(name), parseStatement(name, body)]);
}

/** All statements that the clients of one pool have prepared. Held while at least one client has it. */
export class SharedStatements {
  readonly #byBody = new Map<string, SharedStatement>();

  get size(): number {
    return this.#byBody.size;
  }

  /** Counted for one client, until `release`. */
  hold(body: Buffer, scan: () => SharedStatement): SharedStatement {
    const key = createHash("sha256").update(body).digest("base64");
    let found = this.#byBody.get(key);
    if (found === undefined) {
      found = scan();
      this.#byBody.set(key, found);
    }
    found.clients += 1;
    return found;
  }

  release(statement: SharedStatement): void {
    statement.clients -= 1;
    if (statement.clients > 0) return;
    const key = createHash("sha256").update(statement.body).digest("base64");
    if (this.#byBody.get(key) === statement) this.#byBody.delete(key);
  }
}

const ofPools = new WeakMap<Pool, SharedStatements>();

export function sharedStatementsOf(pool: Pool): SharedStatements {
  let found = ofPools.get(pool);
  if (found === undefined) {
    found = new SharedStatements();
    ofPools.set(pool, found);
  }
  return found;
}
