import { SignJWT } from "jose";

export const DEV_SECRET = "dev";

/** A token for the API, good for an hour unless said otherwise. */
export function makeToken(
  claims: Readonly<Record<string, unknown>> = {},
  { secret = DEV_SECRET, alg = "HS256", typ = "JWT" as string | undefined, exp = true } = {},
): Promise<string> {
  const token = new SignJWT({ ...claims }).setProtectedHeader({ alg, ...(typ === undefined ? {} : { typ }) });
  if (exp && claims.exp === undefined) token.setExpirationTime("1h");
  return token.sign(new TextEncoder().encode(secret));
}
