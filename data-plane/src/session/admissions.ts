import type { Arrival } from "../tenants/index.js";

/** An authentication that has come to its end, before the client is told. */
export interface FinishedLogin {
  readonly tenant: string;
  readonly user: string;
  /** What rules about addresses count by; undefined: not known. */
  readonly group: string | undefined;
  /** Whether the client has proven who it is. */
  readonly accepted: boolean;
}

export type Verdict =
  /** A slot is taken; it is given back with `left`. */
  | { readonly kind: "welcome"; readonly countedAs: string | undefined }
  | { readonly kind: "wrong" }
  /** Too many failed: what this one would have been is not told. */
  | { readonly kind: "braked" }
  | { readonly kind: "full"; readonly limit: number };

/**
 * Who may come in, where that depends on clients of all workers: how many are there, and how often an address has failed.
 * The primary decides, one login after the other, where anything speaks against it; what can be refused early is known
 * here as last heard.
 */
export interface Admissions {
  /** A client has been accepted. @throws TooManyUnauthenticated */
  arrive(): Arrival;
  /** Whether logins of an address at a tenant are braked. */
  blocks(tenant: string, group: string): boolean;
  /** How many clients a tenant may have, if it has that many. */
  fullAt(tenant: string): number | undefined;
  /** @throws DeadlinePassed */
  settle(login: FinishedLogin): Promise<Verdict>;
  left(tenant: string, countedAs: string | undefined): void;
}
