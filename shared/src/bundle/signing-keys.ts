import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { KeyUnusable } from "../secrets/index.js";

const RAW_BYTES = 32;

/** An Ed25519 public key that signatures are checked with. */
export interface PublicKey {
  readonly id: string;
  /** 32 bytes. */
  readonly raw: Uint8Array;
  verifies(message: Uint8Array, signature: Uint8Array): boolean;
}

/** Where signatures come from: a key in a file now, a KMS later. */
export interface Signer {
  readonly keyId: string;
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** SHA-256 of the raw public key, first 16 hex digits. */
export function keyIdOf(raw: Uint8Array): string {
  return createHash("sha256").update(raw).digest("hex").slice(0, 16);
}

/** @throws KeyUnusable when these are not 32 bytes. */
export function publicKeyFromRaw(raw: Uint8Array): PublicKey {
  if (raw.length !== RAW_BYTES) {
    throw new KeyUnusable("an Ed25519 public key", `it has ${raw.length} bytes, not ${RAW_BYTES}`);
  }
  const kept = Uint8Array.from(raw);
  const key = createPublicKey({
    key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(kept).toString("base64url") },
    format: "jwk",
  });
  return {
    id: keyIdOf(kept),
    raw: kept,
    verifies: (message, signature) => signature.length === 64 && verify(null, message, key, signature),
  };
}

/** The raw public key of an Ed25519 key, private or public. @throws KeyUnusable for any other kind of key. */
export function rawPublicKey(key: KeyObject): Uint8Array {
  if (key.asymmetricKeyType !== "ed25519") {
    throw new KeyUnusable("the key", `it is ${key.asymmetricKeyType ?? key.type}, wanted is ed25519`);
  }
  const { x } = (key.type === "private" ? createPublicKey(key) : key).export({ format: "jwk" });
  return Buffer.from(x ?? "", "base64url");
}

/** From PEM (SubjectPublicKeyInfo). @throws KeyUnusable */
export function publicKeyFromPem(pem: string): PublicKey {
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    throw new KeyUnusable("the public key", "it is not a PEM public key");
  }
  // createPublicKey would also take a private key, and a private key in the wrong place must not go unnoticed.
  if (pem.includes("PRIVATE KEY")) throw new KeyUnusable("the public key", "it is a private key");
  return publicKeyFromRaw(rawPublicKey(key));
}

/** A signer that holds its key in memory, from PEM (PKCS8). @throws KeyUnusable */
export function signerFromPem(pem: string): Signer {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // OpenSSL's own error may quote the input.
    throw new KeyUnusable("the signing key", "it is not a PEM private key");
  }
  return signerOf(key);
}

export function signerOf(key: KeyObject): Signer {
  const keyId = keyIdOf(rawPublicKey(key));
  return { keyId, sign: (message) => Promise.resolve(sign(null, message, key)) };
}
