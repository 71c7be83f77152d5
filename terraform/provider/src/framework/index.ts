export {
  type Attribute,
  type Attributes,
  attribute,
  isConfigurable,
  isDecided,
  type NestedAttributes,
  nestedAttribute,
} from "./attribute.js";
export { atMost, between, bytes, type Check, duration, durationMs, matches, oneOf } from "./check.js";
export type { DataSource } from "./data-source.js";
export { type Diagnostic, problem, Refused, warning } from "./diagnostic.js";
export type { EphemeralResource } from "./ephemeral-resource.js";
export type { Path } from "./path.js";
export type { Provider } from "./provider.js";
export { ArgumentRefused, type Parameter, type ProviderFunction } from "./provider-function.js";
export type { Change, Resource, Update } from "./resource.js";
export { type Block, type Schema, typeOf } from "./schema.js";
export { providerMethods } from "./serve-provider.js";
