import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { writeFileSync } from "node:fs";
import * as x509 from "@peculiar/x509";

const DAY_MS = 24 * 60 * 60 * 1000;
const VALID_DAYS = 3650;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

export interface CertificateFiles {
  readonly certPath: string;
  readonly keyPath: string;
}

function pem(label: string, bytes: ArrayBuffer): string {
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** A self-signed certificate for this machine's own names, and more; it is its own CA. For local use only. */
export async function makeCertificate(
  commonName: string,
  files: CertificateFiles,
  moreNames: readonly string[] = [],
  moreAddresses: readonly string[] = [],
): Promise<void> {
  x509.cryptoProvider.set(webcrypto);
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  // A minute of slack for a peer whose clock is behind.
  const notBefore = new Date(Date.now() - 60_000);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName] }],
    notBefore,
    notAfter: new Date(notBefore.getTime() + VALID_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.SubjectAlternativeNameExtension([
        { type: "dns", value: "localhost" },
        ...moreNames.map((value) => ({ type: "dns" as const, value })),
        { type: "ip", value: "127.0.0.1" },
        { type: "ip", value: "::1" },
        ...moreAddresses.map((value) => ({ type: "ip" as const, value })),
      ]),
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    ],
  });
  const key = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  writeFileSync(files.certPath, `${certificate.toString("pem")}\n`, { mode: 0o644 });
  writeFileSync(files.keyPath, pem("PRIVATE KEY", key), { mode: 0o600 });
}
