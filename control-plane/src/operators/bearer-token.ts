import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { BearerTokenRefused, TokenKeysUnavailable } from "./bearer-token-refused.js";
import { BlockedTokens } from "./blocked-tokens.js";
import type { Operator } from "./operator.js";
import { SECRET_ALGORITHMS, secretTokens } from "./secret-tokens.js";
import { isCanonical } from "./token-spelling.js";

export interface BearerTokenRules {
  /** For HS256, HS384, HS512. Undefined: those are refused. */
  readonly secret: string | undefined;
  /** The name of the variable that holds it, for answers. */
  readonly secretName: string;
  /** For asymmetric signatures. Undefined: those are refused. */
  readonly publicKeys?: JWTVerifyGetKey | undefined;
  readonly requireExp: boolean;
  /** Claims that must be there with exactly these values. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** Whole tokens that are refused. */
  readonly blocklist: readonly string[];
}

/** The part of a request that is looked at. */
export interface BearerRequest {
  readonly headers: { readonly authorization?: string | undefined };
}

/** @throws BearerTokenRefused, TokenKeysUnavailable */
export type Authenticate = (request: BearerRequest) => Promise<Operator>;

/** Tokens of data planes are for the stream alone, whatever their signature. */
const STREAM_AUDIENCE = "sluice-stream";

const PUBLIC_KEY_ALGORITHMS = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
];

/** Supavisor's, and that of OAuth's access tokens (RFC 9068). A header without a type is taken. */
const TYPES = ["jwt", "at+jwt", "application/at+jwt"];

/**
 * Operators prove themselves with a JWT: by a shared secret (HS256, HS384, HS512), or by one of the public keys. The
 * algorithm decides which of the two, so that a public key is never taken for a secret.
 */
export function bearerTokens(rules: BearerTokenRules): Authenticate {
  const bySecret = rules.secret === undefined ? undefined : secretTokens(rules.secret, rules.secretName);
  const blocked = new BlockedTokens(rules.blocklist);

  return async (request) => {
    const token = tokenOf(request);
    if (token === undefined) throw new BearerTokenRefused(undefined);
    if (blocked.has(token)) throw new BearerTokenRefused("it is on the blocklist");
    // Else one token has several hashes, and limits are by the hash.
    if (!isCanonical(token)) throw new BearerTokenRefused("it is not spelled as it was made (base64url)");
    const claims = await verified(token, bySecret, rules);
    const problem = problemOf(claims, rules);
    if (problem !== undefined) throw new BearerTokenRefused(problem);
    return {
      tokenId: createHash("sha256").update(token).digest("hex").slice(0, 12),
      subject: claims.sub,
      jti: claims.jti,
      scopes: scopesOf(claims),
    };
  };
}

async function verified(
  token: string,
  bySecret: ((token: string) => Promise<JWTPayload>) | undefined,
  { publicKeys }: BearerTokenRules,
): Promise<JWTPayload> {
  const algorithms = [
    ...(bySecret === undefined ? [] : SECRET_ALGORITHMS),
    ...(publicKeys === undefined ? [] : PUBLIC_KEY_ALGORITHMS),
  ];
  try {
    const { typ, alg, crit } = decodeProtectedHeader(token);
    if (typ !== undefined && !TYPES.includes(String(typ).toLowerCase())) {
      throw new BearerTokenRefused('its type is not "JWT" (header typ)');
    }
    // RFC 7515 section 4.1.11: what it names must be understood, and nothing of it is.
    if (crit !== undefined) throw new BearerTokenRefused("it asks for an extension (header crit)");
    if (SECRET_ALGORITHMS.some((known) => known === alg)) {
      if (bySecret === undefined) throw new errors.JOSEAlgNotAllowed("there is no secret");
      return await bySecret(token);
    }
    if (publicKeys === undefined) throw new errors.JOSEAlgNotAllowed("there are no public keys");
    return (await jwtVerify(token, publicKeys, { algorithms: PUBLIC_KEY_ALGORITHMS })).payload;
  } catch (thrown) {
    if (thrown instanceof BearerTokenRefused) throw thrown;
    const reason = reasonOf(thrown, algorithms);
    if (reason === undefined) throw new TokenKeysUnavailable(thrown);
    throw new BearerTokenRefused(reason);
  }
}

function problemOf(claims: JWTPayload, rules: BearerTokenRules): string | undefined {
  if ([claims.aud].flat().includes(STREAM_AUDIENCE)) return "it is a data plane's token";
  if (rules.requireExp && claims.exp === undefined) return "it has no expiry (claim exp)";
  for (const name of ["sub", "jti"]) {
    const value = claims[name];
    // The audit keeps them, and Postgres keeps no NUL.
    const isText = typeof value === "string" && !value.includes("\0");
    if (value !== undefined && !isText) return `its claim ${name} is no text`;
  }
  if (scopeTexts(claims) === undefined) return "its claim scopes is neither a list of texts nor a text";
  const wrong = Object.entries(rules.claims).find(
    ([claim, wanted]) => !isDeepStrictEqual(claims[claim], wanted),
  );
  return wrong === undefined ? undefined : `its claim ${wrong[0]} is not as wanted`;
}

function scopesOf(claims: JWTPayload): Operator["scopes"] {
  return claims.scopes === undefined && claims.scope === undefined ? "all" : new Set(scopeTexts(claims));
}

/** `scopes`, a list, or OAuth's `scope`, one text with blanks. Undefined: it is neither. */
function scopeTexts({ scope = [], scopes = scope }: JWTPayload): readonly string[] | undefined {
  if (typeof scopes === "string") return scopes.split(" ").filter((scope) => scope !== "");
  const isList = Array.isArray(scopes) && scopes.every((scope) => typeof scope === "string");
  return isList ? scopes : undefined;
}

function tokenOf({ headers }: BearerRequest): string | undefined {
  return /^bearer\s+(\S+)\s*$/i.exec(headers.authorization ?? "")?.[1];
}

/** In our words: jose's are for programmers. Undefined: it is not the token's fault. */
function reasonOf(thrown: unknown, algorithms: readonly string[]): string | undefined {
  if (thrown instanceof errors.JWTExpired) return "it has expired";
  if (thrown instanceof errors.JWTClaimValidationFailed) {
    return thrown.claim === "nbf" && thrown.reason === "check_failed"
      ? "it is not valid yet (claim nbf)"
      : `its claim ${thrown.claim} cannot be used`;
  }
  if (thrown instanceof errors.JWSSignatureVerificationFailed) {
    return "it is signed by another key than those known here";
  }
  if (thrown instanceof errors.JOSEAlgNotAllowed) {
    return `it is not signed with ${algorithms.slice(0, -1).join(", ")} or ${algorithms.at(-1)}`;
  }
  if (thrown instanceof errors.JWKSNoMatchingKey || thrown instanceof errors.JWKSMultipleMatchingKeys) {
    return "its key is none of those known here (header kid)";
  }
  // Fetching a JWKS, or a network below it.
  if (thrown instanceof errors.JWKSTimeout || thrown instanceof errors.JWKSInvalid) return undefined;
  if (thrown instanceof errors.JOSEError && thrown.code !== "ERR_JOSE_GENERIC") {
    return "it is no JSON Web Token that can be read";
  }
  return thrown instanceof TypeError && thrown.message !== "fetch failed"
    ? "it is no JSON Web Token that can be read"
    : undefined;
}
