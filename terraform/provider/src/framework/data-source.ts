import type { Values } from "../protocol/index.js";
import type { Diagnostic } from "./diagnostic.js";
import type { Schema } from "./schema.js";

/** Something that is looked up. */
export interface DataSource<C> {
  readonly schema: Schema;
  validate?(config: Values): readonly Diagnostic[];
  /** The configuration is wholly known. @throws Refused */
  read(client: C, config: Values): Promise<Values>;
}
