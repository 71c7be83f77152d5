export { type BearerTokenRules, bearerTokens, type Operator } from "./bearer-token.js";
