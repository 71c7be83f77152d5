import { createHash, type KeyObject, randomUUID } from "node:crypto";
import { isRegion, scopeOfRegion } from "@sluice/shared/bundle";
import { messageOf, SluiceError } from "@sluice/shared/errors";
import type { Clock } from "@sluice/shared/time";
import { errors, jwtVerify, SignJWT } from "jose";
import { BlockedTokens, isCanonical } from "../operators/index.js";

/** REST refuses this audience; the stream refuses every other one. */
const AUDIENCE = "sluice-stream";
const DAY_MS = 24 * 3600 * 1000;

/** What a credential says of whoever shows it. The scope follows from it, and from nothing else. */
export interface Caller {
  readonly group: string;
  readonly region: string;
  readonly scope: string;
  /** Tells this credential from every other one, and is none. */
  readonly credential: string;
  /** Ms since the epoch. */
  readonly expiresAtMs: number;
}

export class TokenRefused extends SluiceError {
  constructor(reason: string, cause?: unknown) {
    super({
      code: "ETOKENREFUSED",
      kind: "unauthenticated",
      clientMessage: `data-plane token refused: ${reason}`,
      cause,
    });
  }
}

/** @param days until it expires. */
export function mintDataPlaneToken(
  key: KeyObject,
  claims: { readonly group: string; readonly region: string; readonly days: number },
  nowMs: number,
): Promise<string> {
  const { group, region, days } = claims;
  return new SignJWT({ group, region })
    .setProtectedHeader({ alg: "EdDSA", typ: "JWT" })
    .setAudience(AUDIENCE)
    .setJti(randomUUID())
    .setIssuedAt(new Date(nowMs))
    .setExpirationTime(new Date(nowMs + days * DAY_MS))
    .sign(key);
}

/**
 * @param publicKey Ed25519; a key of its own, so that whoever holds API_JWT_SECRET gets no configuration.
 * @throws TokenRefused
 */
export async function verifyDataPlaneToken(
  token: string | undefined,
  publicKey: KeyObject,
  clock: Clock,
  blocked = new BlockedTokens(),
): Promise<Caller> {
  if (token === undefined) throw new TokenRefused("there is none");
  if (blocked.has(token)) throw new TokenRefused("it is blocked");
  if (!isCanonical(token)) throw new TokenRefused("it is not spelled as it was made (base64url)");
  try {
    const { payload } = await jwtVerify(token, publicKey, {
      algorithms: ["EdDSA", "Ed25519"],
      audience: AUDIENCE,
      requiredClaims: ["exp", "group", "region"],
      currentDate: new Date(clock.now()),
    });
    const { group, region, exp = 0, jti } = payload;
    if (jti !== undefined && blocked.hasId(jti)) throw new TokenRefused("it is blocked");
    if (typeof group !== "string" || !isRegion(group)) throw new TokenRefused("its group cannot be used");
    if (typeof region !== "string" || !isRegion(region)) throw new TokenRefused("its region cannot be used");
    const credential = `token ${createHash("sha256").update(token).digest("hex")}`;
    return { group, region, scope: scopeOfRegion(region), credential, expiresAtMs: exp * 1000 };
  } catch (error) {
    if (error instanceof TokenRefused) throw error;
    throw new TokenRefused(reasonOf(error), error);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return "it has expired; mint a new one";
  if (error instanceof errors.JOSEAlgNotAllowed) return "it is no data-plane token";
  if (error instanceof errors.JWSSignatureVerificationFailed) return "it is signed by another key";
  if (error instanceof errors.JWTClaimValidationFailed) return `its claim ${error.claim} cannot be used`;
  return error instanceof errors.JOSEError ? messageOf(error) : "it cannot be read";
}
