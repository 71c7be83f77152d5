import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import passport from "passport";
import { ExtractJwt, Strategy } from "passport-jwt";
import { BearerTokenRefused } from "./bearer-token-refused.js";

export interface BearerTokenRules {
  readonly secret: string;
  readonly requireExp: boolean;
  /** Claims that must be there with exactly these values. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** Whole tokens that are refused. */
  readonly blocklist: readonly string[];
}

export interface Operator {
  /** For the log: which token it was, without the token. */
  readonly tokenId: string;
  /** The token's `sub`, where it has one. */
  readonly subject: string | undefined;
}

/** The part of a request that is looked at. */
export interface BearerRequest {
  readonly headers: { readonly authorization?: string | undefined };
}

/** @throws BearerTokenRefused */
export type Authenticate = (request: BearerRequest) => Promise<Operator>;

/** Tokens of data planes are for the stream alone, whatever their signature. */
const STREAM_AUDIENCE = "sluice-stream";

/** Operators prove themselves with a JWT signed by API_JWT_SECRET (HS256, HS384 or HS512). */
export function bearerTokens(rules: BearerTokenRules): Authenticate {
  const authenticator = new passport.Passport();
  const blocked = new Set(rules.blocklist);
  const check = (token: string, claims: Record<string, unknown>): string | undefined => {
    const audiences = [claims.aud].flat();
    if (blocked.has(token)) return "it is on the blocklist";
    if (audiences.includes(STREAM_AUDIENCE)) return "it is a data plane's token";
    if (rules.requireExp && claims.exp === undefined) return "it has no expiry (claim exp)";
    const wrong = Object.entries(rules.claims).find(
      ([claim, wanted]) => !isDeepStrictEqual(claims[claim], wanted),
    );
    return wrong === undefined ? undefined : `its claim ${wrong[0]} is not as wanted`;
  };
  authenticator.use(
    new Strategy(
      {
        secretOrKey: rules.secret,
        algorithms: ["HS256", "HS384", "HS512"],
        jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
        passReqToCallback: true,
      },
      (
        request: BearerRequest,
        claims: Record<string, unknown>,
        done: (error: unknown, operator?: Operator | false, info?: unknown) => void,
      ) => {
        const token = tokenOf(request) ?? "";
        const problem = check(token, claims);
        if (problem !== undefined) return done(null, false, new Error(problem));
        const tokenId = createHash("sha256").update(token).digest("hex").slice(0, 12);
        return done(null, { tokenId, subject: typeof claims.sub === "string" ? claims.sub : undefined });
      },
    ),
  );
  return (request) =>
    new Promise((resolve, reject) => {
      const answer = (error: unknown, operator: Operator | false, info: unknown): void => {
        if (error) reject(error);
        else if (operator) resolve(operator);
        else reject(new BearerTokenRefused(tokenOf(request) === undefined ? undefined : reasonOf(info)));
      };
      authenticator.authenticate("jwt", { session: false }, answer)(request, {}, reject);
    });
}

function tokenOf({ headers }: BearerRequest): string | undefined {
  return /^bearer\s+(\S+)$/i.exec(headers.authorization ?? "")?.[1];
}

/** In our words: jsonwebtoken's are for programmers, and an unknown one may say too much. */
function reasonOf(info: unknown): string {
  const { name, message } = info instanceof Error ? info : { name: "", message: "" };
  if (name === "Error" && message.startsWith("it")) return message;
  if (name === "TokenExpiredError") return "it has expired";
  if (name === "NotBeforeError") return "it is not valid yet (claim nbf)";
  if (message === "invalid signature") return "it is signed by another secret than API_JWT_SECRET";
  if (message === "invalid algorithm") return "it is not signed with HS256, HS384 or HS512";
  return "it is no JSON Web Token that can be read";
}
