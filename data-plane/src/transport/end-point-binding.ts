import "reflect-metadata";
import { createHash } from "node:crypto";
import { X509Certificate } from "@peculiar/x509";

/**
 * `tls-server-end-point` of a certificate (RFC 5929 section 4.1): its hash by the algorithm of its signature, SHA-256
 * in place of MD5 and SHA-1. Undefined where the signature names no hash (Ed25519): PostgreSQL offers no channel
 * binding then either.
 */
export function endPointBinding(der: Uint8Array): Buffer | undefined {
  let name: string;
  try {
    name = hashOf(new X509Certificate(Uint8Array.from(der)).signatureAlgorithm);
  } catch {
    // An algorithm that the library does not know.
    return undefined;
  }
  switch (name) {
    case "MD5":
    case "SHA-1":
    case "SHA-256":
      return createHash("sha256").update(der).digest();
    case "SHA-384":
      return createHash("sha384").update(der).digest();
    case "SHA-512":
      return createHash("sha512").update(der).digest();
    default:
      return undefined;
  }
}

function hashOf(algorithm: object): string {
  const hash = "hash" in algorithm ? algorithm.hash : undefined;
  if (typeof hash === "string") return hash;
  if (typeof hash === "object" && hash !== null && "name" in hash) return String(hash.name);
  return "";
}
