import type { Values } from "../protocol/index.js";
import type { Diagnostic } from "./diagnostic.js";
import type { Schema } from "./schema.js";

export interface Change {
  readonly planned: Values;
  /** As it was written, write-only values included. */
  readonly config: Values;
}

export interface Update extends Change {
  readonly prior: Values;
}

/**
 * A thing that Terraform makes, changes and removes. What goes wrong is thrown as Refused; with a state, when
 * something has been done already.
 */
export interface Resource<C> {
  readonly schema: Schema;
  /** What `terraform import` takes, for the documents. */
  readonly importId: string;
  /** Of several attributes together; single ones have been checked. */
  validate?(config: Values): readonly Diagnostic[];
  /** Asks the API what it would say, before anything is changed. Everything in `change` is known. */
  preview?(client: C, change: Change, prior: Values | null): Promise<readonly Diagnostic[]>;
  /**
   * Told of every plan, of what something refers to before that.
   * @param prior null: it is to be made, or to be made anew
   * @returns computed attributes that become others by what else is planned, so that it has to be made anew
   */
  planned?(client: C, planned: Values, prior: Values | null): readonly string[];
  /** Null: it is not there any more. */
  read(client: C, state: Values): Promise<Values | null>;
  create(client: C, change: Change): Promise<Values>;
  update(client: C, change: Update): Promise<Values>;
  /** It being gone already is no failure. */
  remove(client: C, prior: Values): Promise<void>;
  import(client: C, id: string): Promise<Values>;
}
