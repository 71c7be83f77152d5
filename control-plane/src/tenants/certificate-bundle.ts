import { createHash, X509Certificate } from "node:crypto";
import { LIMITS } from "@sluice/shared/tenant";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

const MOST_OF_NAME = 200;

/** What keeps a PEM text from being a bundle of certificates, in words; none when it is one of CAs. */
export function certificateProblems(pem: string, nowMs: number): readonly string[] {
  if (Buffer.byteLength(pem) > LIMITS.caBytes) return [`must have at most ${LIMITS.caBytes} bytes`];
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    return ["holds a private key: give certificates only, and replace that key, it has been sent"];
  }
  const blocks = pem.match(CERTIFICATE) ?? [];
  if (blocks.length === 0) {
    return [
      "must be one or more certificates in PEM, each from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----",
    ];
  }
  if (pem.replaceAll(CERTIFICATE, "").includes("-----BEGIN")) {
    return ["holds a block that is no certificate, or one that does not end"];
  }
  const problems: string[] = [];
  blocks.forEach((block, index) => {
    const which = blocks.length === 1 ? "the certificate" : `certificate ${index + 1} of ${blocks.length}`;
    const certificate = parse(block);
    if (certificate === undefined) {
      problems.push(
        `${which} cannot be read: what stands between BEGIN and END is no certificate (a placeholder?)`,
      );
      return;
    }
    const named = `${which} (${certificate.subject.replaceAll("\n", ", ").slice(0, MOST_OF_NAME)})`;
    if (Date.parse(certificate.validTo) < nowMs) {
      problems.push(`${named} has expired: ${certificate.validTo}`);
    }
    if (!certificate.ca) problems.push(`${named} is not the certificate of a CA`);
  });
  return problems;
}

/**
 * SHA-256 over the certificates (DER), in the form of `openssl x509 -fingerprint -sha256`, and equal to it when there
 * is one.
 */
export function bundleFingerprint(pem: string): string {
  const hash = createHash("sha256");
  for (const block of pem.match(CERTIFICATE) ?? []) {
    const certificate = parse(block);
    if (certificate !== undefined) hash.update(certificate.raw);
  }
  return (hash.digest("hex").toUpperCase().match(/../g) ?? []).join(":");
}

function parse(block: string): X509Certificate | undefined {
  try {
    return new X509Certificate(block);
  } catch {
    return undefined;
  }
}
