import "reflect-metadata";
import { createPrivateKey, createPublicKey, webcrypto } from "node:crypto";
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

/** A private key for a certificate, as PEM. */
export async function newCertificateKey(): Promise<string> {
  const { privateKey } = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  return pem("PRIVATE KEY", await webcrypto.subtle.exportKey("pkcs8", privateKey));
}

/** A self-signed certificate of that key for this machine's own names, and more; it is its own CA. For local use only. */
export async function certificateOf(
  keyPem: string,
  commonName: string,
  moreNames: readonly string[] = [],
  moreAddresses: readonly string[] = [],
): Promise<string> {
  x509.cryptoProvider.set(webcrypto);
  // A minute of slack for a peer whose clock is behind.
  const notBefore = new Date(Date.now() - 60_000);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName] }],
    notBefore,
    notAfter: new Date(notBefore.getTime() + VALID_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys: await keyPairOf(keyPem),
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
  return `${certificate.toString("pem")}\n`;
}

/** A new key and its certificate, as `certificateOf` makes it. */
export async function makeCertificate(
  commonName: string,
  files: CertificateFiles,
  moreNames: readonly string[] = [],
  moreAddresses: readonly string[] = [],
): Promise<void> {
  const key = await newCertificateKey();
  const certificate = await certificateOf(key, commonName, moreNames, moreAddresses);
  writeFileSync(files.certPath, certificate, { mode: 0o644 });
  writeFileSync(files.keyPath, key, { mode: 0o600 });
}

async function keyPairOf(keyPem: string): Promise<webcrypto.CryptoKeyPair> {
  const privateDer = createPrivateKey(keyPem).export({ format: "der", type: "pkcs8" });
  const publicDer = createPublicKey(keyPem).export({ format: "der", type: "spki" });
  return {
    privateKey: await webcrypto.subtle.importKey("pkcs8", privateDer, ALGORITHM, true, ["sign"]),
    publicKey: await webcrypto.subtle.importKey("spki", publicDer, ALGORITHM, true, ["verify"]),
  };
}
