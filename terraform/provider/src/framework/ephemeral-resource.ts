import type { Values } from "../protocol/index.js";
import type { Diagnostic } from "./diagnostic.js";
import type { Schema } from "./schema.js";

/** Something that is there while Terraform runs, and in no plan and no state. */
export interface EphemeralResource<C> {
  readonly schema: Schema;
  validate?(config: Values): readonly Diagnostic[];
  /** @throws Refused */
  open(client: C, config: Values): Promise<Values>;
}
