import { createHash } from "node:crypto";

/** How operators name an instance's key: SHA-256 of the raw key, in hexadecimal. */
export function keyFingerprint(publicKey: Uint8Array): string {
  return createHash("sha256").update(publicKey).digest("hex");
}
