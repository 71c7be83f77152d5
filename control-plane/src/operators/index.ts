export {
  type Authenticate,
  type BearerRequest,
  type BearerTokenRules,
  bearerTokens,
  type Operator,
} from "./bearer-token.js";
export { BearerTokenRefused } from "./bearer-token-refused.js";
