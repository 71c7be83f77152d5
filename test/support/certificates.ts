import "reflect-metadata";
import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

x509.cryptoProvider.set(webcrypto);

const DAY_MS = 24 * 60 * 60 * 1000;
const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const RSA = {
  name: "RSASSA-PKCS1-v1_5",
  modulusLength: 2048,
  publicExponent: Uint8Array.of(1, 0, 1),
  hash: "SHA-256",
};

/** A certificate and its key as PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface LeafOptions {
  /** Undefined: "leaf"; empty: none. */
  readonly commonName?: string;
  readonly dns?: readonly string[];
  readonly ip?: readonly string[];
  readonly uri?: readonly string[];
  readonly type?: "ecdsa" | "rsa";
  /** Of the signature, by which `tls-server-end-point` is made. */
  readonly hash?: "SHA-256" | "SHA-384" | "SHA-512";
  readonly expired?: boolean;
}

/** A certificate authority of a test's own. */
export class TestCa {
  readonly cert: string;
  readonly #name: string;
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #certificate: x509.X509Certificate;

  private constructor(name: string, keys: webcrypto.CryptoKeyPair, certificate: x509.X509Certificate) {
    this.#name = name;
    this.#keys = keys;
    this.#certificate = certificate;
    this.cert = `${certificate.toString("pem")}\n`;
  }

  static async make(name = "Test CA"): Promise<TestCa> {
    const keys = await makeKeys(ECDSA);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: [{ CN: [name] }],
      notBefore: new Date(Date.now() - DAY_MS),
      notAfter: new Date(Date.now() + 30 * DAY_MS),
      signingAlgorithm: ECDSA,
      keys,
      extensions: [new x509.BasicConstraintsExtension(true, 1, true)],
    });
    return new TestCa(name, keys, certificate);
  }

  async issue(options: LeafOptions = {}): Promise<Pair> {
    const {
      commonName = "leaf",
      dns = [],
      ip = [],
      uri = [],
      type = "ecdsa",
      hash = "SHA-256",
      expired = false,
    } = options;
    const keys = await makeKeys(type === "rsa" ? RSA : ECDSA);
    const names: x509.JsonGeneralName[] = [
      ...dns.map((value) => ({ type: "dns" as const, value })),
      ...ip.map((value) => ({ type: "ip" as const, value })),
      ...uri.map((value) => ({ type: "url" as const, value })),
    ];
    const certificate = await x509.X509CertificateGenerator.create({
      subject: [commonName === "" ? { O: ["none"] } : { CN: [commonName] }],
      issuer: this.#certificate.subjectName,
      notBefore: new Date(Date.now() - 2 * DAY_MS),
      notAfter: new Date(Date.now() + (expired ? -1 : 30) * DAY_MS),
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: { ...ECDSA, hash },
      extensions: names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : [],
    });
    return {
      cert: `${certificate.toString("pem")}\n`,
      key: x509.PemConverter.encode(
        await webcrypto.subtle.exportKey("pkcs8", keys.privateKey),
        "PRIVATE KEY",
      ),
    };
  }

  get name(): string {
    return this.#name;
  }
}

async function makeKeys(algorithm: typeof ECDSA | typeof RSA): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
}
