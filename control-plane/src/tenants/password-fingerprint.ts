import { createHash } from "node:crypto";
import { parseVerifier } from "@sluice/shared/secrets";

/**
 * Tells whether a stored password is still the one that was written: another one has another fingerprint, and the same
 * one, written again, keeps it. Made of the verifier's salt alone, which is random and shown to every client that logs
 * in: nothing can be guessed by it. 16 hexadecimal digits.
 */
export function passwordFingerprint(verifier: string): string {
  const salt = parseVerifier(verifier)?.salt ?? "";
  return createHash("sha256")
    .update("sluice password fingerprint v1:")
    .update(salt)
    .digest("hex")
    .slice(0, 16);
}
