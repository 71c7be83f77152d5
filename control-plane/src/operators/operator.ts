import { SluiceError } from "@sluice/shared/errors";

/** What a token may be good for. */
export const SCOPES = ["tenants:read", "tenants:write", "fleet:read", "fleet:write"] as const;

export type ApiScope = (typeof SCOPES)[number];

export interface Operator {
  /** For the log: which token it was, without the token. */
  readonly tokenId: string;
  /** The token's `sub` and `jti`, where it has them. */
  readonly subject: string | undefined;
  readonly jti: string | undefined;
  /** "all": the token has no `scopes` claim, as Supavisor's do not. */
  readonly scopes: ReadonlySet<string> | "all";
}

/** The token is a good one, and not for this. */
export class ScopeMissing extends SluiceError {
  readonly scope: ApiScope;

  constructor(scope: ApiScope) {
    super({
      code: "ESCOPE",
      kind: "forbidden",
      clientMessage: `the bearer token does not have the scope ${scope} (claim scopes)`,
    });
    this.scope = scope;
  }
}

/** @throws ScopeMissing */
export function requireScope(operator: Operator, scope: ApiScope): void {
  if (operator.scopes !== "all" && !operator.scopes.has(scope)) throw new ScopeMissing(scope);
}
