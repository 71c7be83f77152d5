import { createHash, X509Certificate } from "node:crypto";
import { UNKNOWN, type Value } from "../protocol/index.js";

/** Unknown where the certificates are, or cannot be read: then the API refuses them. */
export function caFingerprintOf(pem: Value): Value {
  return typeof pem === "string" ? (caFingerprint(pem) ?? UNKNOWN) : pem;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** As the API makes it: SHA-256 over the certificates in DER. Undefined when one cannot be read. */
export function caFingerprint(pem: string): string | undefined {
  const hash = createHash("sha256");
  try {
    for (const block of pem.match(CERTIFICATE) ?? []) hash.update(new X509Certificate(block).raw);
  } catch {
    return undefined;
  }
  return (hash.digest("hex").toUpperCase().match(/../g) ?? []).join(":");
}
