import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import passport from "passport";
import { ExtractJwt, Strategy } from "passport-jwt";

export interface BearerTokenRules {
  readonly secret: string;
  readonly requireExp: boolean;
  /** Claims that must be there with exactly these values. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** Whole tokens that are refused. */
  readonly blocklist: readonly string[];
}

/** Tokens of data planes are for the stream alone. */
const STREAM_AUDIENCE = "sluice-stream";

export interface Operator {
  /** For the log: which token it was, without the token. */
  readonly tokenId: string;
}

/** Operators prove themselves with a JWT signed by API_JWT_SECRET (HS256, HS384 or HS512). */
export function bearerTokens(rules: BearerTokenRules): passport.Authenticator {
  const authenticator = new passport.Passport();
  const blocked = new Set(rules.blocklist);
  authenticator.use(
    new Strategy(
      {
        secretOrKey: rules.secret,
        algorithms: ["HS256", "HS384", "HS512"],
        jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
        passReqToCallback: true,
      },
      (
        request: { headers: { authorization?: string } },
        payload: Record<string, unknown>,
        done: (error: unknown, user?: Operator | false) => void,
      ) => {
        const token = request.headers.authorization?.replace(/^bearer\s+/i, "") ?? "";
        const audiences = Array.isArray(payload["aud"]) ? payload["aud"] : [payload["aud"]];
        const refused =
          blocked.has(token) ||
          audiences.includes(STREAM_AUDIENCE) ||
          (rules.requireExp && payload["exp"] === undefined) ||
          Object.entries(rules.claims).some(([claim, wanted]) => !isDeepStrictEqual(payload[claim], wanted));
        done(
          null,
          refused ? false : { tokenId: createHash("sha256").update(token).digest("hex").slice(0, 12) },
        );
      },
    ),
  );
  return authenticator;
}
