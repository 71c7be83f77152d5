export {
  type Authenticate,
  type BearerRequest,
  type BearerTokenRules,
  bearerTokens,
} from "./bearer-token.js";
export { BearerTokenRefused, TokenKeysUnavailable } from "./bearer-token-refused.js";
export { BlockedTokens } from "./blocked-tokens.js";
export { type MetricsTokens, metricsReaders } from "./metrics-readers.js";
export { type ApiScope, type Operator, requireScope, SCOPES, ScopeMissing } from "./operator.js";
export { publicKeysAt, publicKeysOf } from "./public-keys.js";
export { isCanonical } from "./token-spelling.js";
