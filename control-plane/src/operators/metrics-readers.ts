import { type Authenticate, type BearerTokenRules, bearerTokens } from "./bearer-token.js";
import { requireScope } from "./operator.js";

export interface MetricsTokens {
  /** Undefined: metrics are read with the tokens of the API. */
  readonly secret: string | undefined;
  /** Whole tokens that are refused. */
  readonly blocklist: readonly string[];
}

/**
 * Who reads metrics: whoever has a token by the secret of their own. Without such a secret it is the operators, with
 * the keys, scopes and blocklist of the API.
 */
export function metricsReaders(own: MetricsTokens, api: BearerTokenRules): Authenticate {
  if (own.secret !== undefined) {
    const { requireExp, claims } = api;
    return bearerTokens({ ...own, secretName: "METRICS_JWT_SECRET", requireExp, claims });
  }
  const authenticate = bearerTokens({ ...api, blocklist: [...api.blocklist, ...own.blocklist] });
  return async (request) => {
    const operator = await authenticate(request);
    requireScope(operator, "fleet:read");
    return operator;
  };
}
