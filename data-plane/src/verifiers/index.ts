export { AuthQuery } from "./auth-query.js";
export { AuthQueryFailed } from "./auth-query-failed.js";
export { CachedVerifiers, type ReadSecret } from "./cached-verifiers.js";
export { configuredSecret } from "./configured-secret.js";
export { checkToken } from "./token-check.js";
export type { Verifiers } from "./verifiers.js";
