import type { JWTPayload } from "jose";
import passport from "passport";
import { Strategy } from "passport-jwt";
import { BearerTokenRefused } from "./bearer-token-refused.js";

export const SECRET_ALGORITHMS = ["HS256", "HS384", "HS512"] as const;

interface TokenRequest {
  readonly token: string;
}

/**
 * Tokens that were signed with the shared secret: signature, expiry and start, by passport-jwt. What else their claims
 * must hold is for the caller.
 * @throws BearerTokenRefused
 */
export function secretTokens(secret: string, secretName: string): (token: string) => Promise<JWTPayload> {
  const authenticator = new passport.Passport();
  authenticator.use(
    new Strategy(
      {
        secretOrKey: secret,
        algorithms: [...SECRET_ALGORITHMS],
        jwtFromRequest: (request: unknown) => (request as TokenRequest).token,
      },
      (claims: unknown, done: (error: unknown, user: unknown) => void) => done(null, claims),
    ),
  );
  return (token) =>
    new Promise((resolve, reject) => {
      const answer = (error: unknown, claims: unknown, info: unknown): void => {
        if (error) reject(error);
        else if (isClaims(claims)) resolve(claims);
        else reject(new BearerTokenRefused(reasonOf(info, secretName)));
      };
      authenticator.authenticate("jwt", { session: false }, answer)({ token }, {}, reject);
    });
}

/** A JWT's payload is an object; jsonwebtoken lets a text pass, too. */
function isClaims(value: unknown): value is JWTPayload {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** In our words: jsonwebtoken's are for programmers, and an unknown one may say too much. */
function reasonOf(info: unknown, secretName: string): string {
  const { name, message } = info instanceof Error ? info : { name: "", message: "" };
  if (name === "TokenExpiredError") return "it has expired";
  if (name === "NotBeforeError") return "it is not valid yet (claim nbf)";
  if (message === "invalid signature") return `it is signed by another key than ${secretName}`;
  const claim = /^invalid (exp|nbf) value$/.exec(message)?.[1];
  return claim === undefined
    ? "it is no JSON Web Token that can be read"
    : `its claim ${claim} cannot be used`;
}
