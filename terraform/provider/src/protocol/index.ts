export { decodeValue, encodeValue, ValueMalformed } from "./dynamic-value.js";
export type { GrpcMethods } from "./grpc-server.js";
export { log } from "./hclog.js";
export { valueOfJson } from "./json-value.js";
export type { ContentOf } from "./message.js";
export { type PluginEnvironment, servePlugin } from "./plugin-process.js";
export { PluginServer } from "./plugin-server.js";
export { type MethodName, PROVIDER_METHODS, PROVIDER_SERVICE } from "./provider-methods.js";
export { sameValue, typeBelow } from "./same-value.js";
export * from "./schema-messages.js";
export {
  Decimal,
  isKnown,
  isList,
  isValues,
  UNKNOWN,
  Unknown,
  type Value,
  type Values,
  type ValueType,
} from "./value.js";
