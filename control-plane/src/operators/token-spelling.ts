/** The longest that is looked at; HTTP takes no longer header. */
const LONGEST = 64 * 1024;

/**
 * Whether each part of a JWT is spelled as an encoder spells it. The last character of base64url may have bits that no
 * decoder looks at (RFC 4648 section 3.5 lets them be refused): with them one signature has several spellings.
 */
export function isCanonical(token: string): boolean {
  if (token.length > LONGEST) return false;
  return token.split(".").every((part) => Buffer.from(part, "base64url").toString("base64url") === part);
}

/** What the signature is over: a token by another signature of the same key says the same, and is the same. */
export function signedPart(token: string): string {
  return token.slice(0, Math.max(0, token.lastIndexOf(".")));
}
