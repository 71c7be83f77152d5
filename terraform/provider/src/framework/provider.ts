import type { Values } from "../protocol/index.js";
import type { DataSource } from "./data-source.js";
import type { Diagnostic } from "./diagnostic.js";
import type { EphemeralResource } from "./ephemeral-resource.js";
import type { ProviderFunction } from "./provider-function.js";
import type { Resource } from "./resource.js";
import type { Schema } from "./schema.js";

/** All that one provider offers; `C` is what its configuration becomes. */
export interface Provider<C> {
  readonly schema: Schema;
  validate?(config: Values): readonly Diagnostic[];
  /** @returns undefined while the configuration is not known yet. @throws Refused */
  configure(config: Values): C | undefined;
  /** Terraform was interrupted: what is waited for is given up, what is under way is finished. */
  stop?(client: C): void;
  readonly resources: Readonly<Record<string, Resource<C>>>;
  readonly dataSources: Readonly<Record<string, DataSource<C>>>;
  readonly ephemeralResources: Readonly<Record<string, EphemeralResource<C>>>;
  readonly functions: Readonly<Record<string, ProviderFunction>>;
}
