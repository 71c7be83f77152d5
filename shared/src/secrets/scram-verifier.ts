import { createHash, createHmac, pbkdf2, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { saslprep } from "@mongodb-js/saslprep";

const pbkdf2Async = promisify(pbkdf2);

/** PostgreSQL's default, `scram_iterations`. */
export const DEFAULT_ITERATIONS = 4096;
const SALT_BYTES = 16;
const KEY_BYTES = 32;
/** An iteration count above it would make one login cost seconds. */
const MOST_ITERATIONS = 10_000_000;

/** What a server keeps of a password (RFC 5802 section 3). Enough to check a login, and to guess offline: a secret. */
export interface ScramVerifier {
  readonly iterations: number;
  readonly salt: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** Both keys of a password for one salt. Worth as much as the password at a server that has the same verifier. */
export interface ScramKeys {
  readonly clientKey: Buffer;
  readonly serverKey: Buffer;
}

/**
 * SASLprep (RFC 4013); a password that it refuses is used as it is, byte for byte, as PostgreSQL does
 * (`pg_saslprep`, scram-common).
 */
export function preparePassword(password: string): string {
  try {
    return saslprep(password);
  } catch {
    return password;
  }
}

export function hmac(key: Uint8Array, text: string | Uint8Array): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

export function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

/** RFC 5802 section 3. PBKDF2 runs on libuv's threads, never on the event loop. */
export async function deriveScramKeys(
  password: string,
  salt: Uint8Array,
  iterations: number,
): Promise<ScramKeys> {
  const salted = await pbkdf2Async(preparePassword(password), salt, iterations, KEY_BYTES, "sha256");
  return { clientKey: hmac(salted, "Client Key"), serverKey: hmac(salted, "Server Key") };
}

export async function makeVerifier(
  password: string,
  iterations = DEFAULT_ITERATIONS,
): Promise<ScramVerifier> {
  const salt = randomBytes(SALT_BYTES);
  const { clientKey, serverKey } = await deriveScramKeys(password, salt, iterations);
  return { iterations, salt, storedKey: sha256(clientKey), serverKey };
}

/** `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, as in `pg_authid.rolpassword`. */
export function formatVerifier(verifier: ScramVerifier): string {
  const { iterations, salt, storedKey, serverKey } = verifier;
  return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${storedKey.toString("base64")}:${serverKey.toString("base64")}`;
}

const VERIFIER =
  /^SCRAM-SHA-256\$(\d{1,9}):([A-Za-z0-9+/]+={0,2})\$([A-Za-z0-9+/]{43}=):([A-Za-z0-9+/]{43}=)$/;

/** The verifier, or undefined for anything else (an MD5 hash, a cleartext password, damage). */
export function parseVerifier(text: string): ScramVerifier | undefined {
  const match = VERIFIER.exec(text);
  if (match === null) return undefined;
  const [, iterationsText = "", salt = "", storedKey = "", serverKey = ""] = match;
  const iterations = Number(iterationsText);
  if (iterations < 1 || iterations > MOST_ITERATIONS) return undefined;
  return {
    iterations,
    salt: Buffer.from(salt, "base64"),
    storedKey: Buffer.from(storedKey, "base64"),
    serverKey: Buffer.from(serverKey, "base64"),
  };
}
