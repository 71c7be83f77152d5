import { createLocalJWKSet, createRemoteJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";

/** Of one fetch. */
const FETCH_TIMEOUT_MS = 5000;
/** Keys are fetched again after it, and sooner for a key that is not known, but not more often than the cooldown. */
const REFETCH_MS = 10 * 60 * 1000;
const COOLDOWN_MS = 30 * 1000;

/** @param jwks the text of a JSON Web Key Set. @throws when it is none, or has no public key in it */
export function publicKeysOf(jwks: string): JWTVerifyGetKey {
  const set = JSON.parse(jwks) as JSONWebKeySet;
  const keys = createLocalJWKSet(set);
  // Of a set of shared secrets nobody could ever come in.
  if (!set.keys.some(({ kty }) => kty !== "oct")) throw new Error("there is no public key in it");
  return keys;
}

/** Fetched when the first token comes, kept, and fetched again when keys are rotated. */
export function publicKeysAt(url: URL): JWTVerifyGetKey {
  return createRemoteJWKSet(url, {
    timeoutDuration: FETCH_TIMEOUT_MS,
    cacheMaxAge: REFETCH_MS,
    cooldownDuration: COOLDOWN_MS,
  });
}
