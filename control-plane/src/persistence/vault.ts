import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { SluiceError } from "@sluice/shared/errors";

const TAG = "AES.GCM.V1";
const AAD = Buffer.from("AES256GCM");
const IV_BYTES = 16;
const GCM_TAG_BYTES = 16;
const KEY_BYTES = 32;
const HEADER = Buffer.concat([Buffer.of(1, TAG.length), Buffer.from(TAG)]);
const CIPHERTEXT_AT = HEADER.length + IV_BYTES + GCM_TAG_BYTES;

/** What is stored cannot be opened with the VAULT_ENC_KEY of this process. */
export class VaultSealBroken extends SluiceError {
  constructor(detail: string, cause?: unknown) {
    super({
      code: "EVAULT",
      kind: "internal",
      clientMessage: "a stored secret does not open",
      detail,
      cause,
    });
  }
}

/**
 * Secrets at rest: AES-256-GCM under VAULT_ENC_KEY, in the layout of Supavisor's database (0x01, length of the tag,
 * tag, 16-byte IV, 16-byte GCM tag, ciphertext).
 */
export class Vault {
  readonly #key: Buffer;
  /** All that secrets may have been written under, by id. */
  readonly #keys: ReadonlyMap<string, Buffer>;
  /** Stored beside each secret. Says which key it was, and nothing about the key. */
  readonly keyId: string;

  /**
   * @param secret at least 32 bytes: exactly 32 are the key, longer ones go through HKDF-SHA-256.
   * @param old those that are only read with, while their secrets are being written anew
   */
  constructor(secret: string, old: readonly string[] = []) {
    this.#key = keyOf(secret);
    this.keyId = idOf(this.#key);
    this.#keys = new Map([...old.map(keyOf), this.#key].map((key) => [idOf(key), key]));
  }

  seal(plaintext: string | Uint8Array): Buffer {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv("aes-256-gcm", this.#key, iv);
    cipher.setAAD(AAD);
    const bytes = typeof plaintext === "string" ? Buffer.from(plaintext, "utf8") : plaintext;
    const ciphertext = Buffer.concat([cipher.update(bytes), cipher.final()]);
    return Buffer.concat([HEADER, iv, cipher.getAuthTag(), ciphertext]);
  }

  /**
   * @param keyId what was stored beside it.
   * @throws VaultSealBroken when it was sealed under another key, or altered.
   */
  open(sealed: Buffer, keyId: string): Buffer {
    const key = this.#keys.get(keyId);
    if (key === undefined) {
      throw new VaultSealBroken(
        `it was written under the key ${keyId}, and VAULT_ENC_KEY is ${this.keyId}: give the old one as VAULT_ENC_KEY_OLD`,
      );
    }
    if (sealed.length < CIPHERTEXT_AT || !sealed.subarray(0, HEADER.length).equals(HEADER)) {
      throw new VaultSealBroken("its layout is not known");
    }
    const iv = sealed.subarray(HEADER.length, HEADER.length + IV_BYTES);
    const decipher = createDecipheriv("aes-256-gcm", key, iv, { authTagLength: GCM_TAG_BYTES });
    decipher.setAAD(AAD);
    decipher.setAuthTag(sealed.subarray(HEADER.length + IV_BYTES, CIPHERTEXT_AT));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(CIPHERTEXT_AT)), decipher.final()]);
    } catch (error) {
      throw new VaultSealBroken("it was altered", error);
    }
  }
}

function keyOf(secret: string): Buffer {
  const bytes = Buffer.from(secret, "utf8");
  if (bytes.length < KEY_BYTES) throw new Error(`VAULT_ENC_KEY must have at least ${KEY_BYTES} bytes`);
  return bytes.length === KEY_BYTES ? bytes : derive(bytes, "sluice vault v1", KEY_BYTES);
}

function idOf(key: Buffer): string {
  return derive(key, "sluice vault key id v1", 8).toString("hex");
}

function derive(secret: Buffer, purpose: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, "", purpose, bytes));
}
