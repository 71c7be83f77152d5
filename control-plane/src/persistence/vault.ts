import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

const TAG = "AES.GCM.V1";
const AAD = Buffer.from("AES256GCM");
const IV_BYTES = 16;
const GCM_TAG_BYTES = 16;
const HEADER = Buffer.concat([Buffer.of(1, TAG.length), Buffer.from(TAG)]);

/**
 * Secrets at rest: AES-256-GCM under VAULT_ENC_KEY, in the layout that Supavisor's database has
 * (0x01, tag length, tag, 16-byte IV, 16-byte GCM tag, ciphertext).
 */
export class Vault {
  readonly #key: Uint8Array;

  /** @param secret at least 32 bytes: exactly 32 are the key, longer ones go through HKDF-SHA-256. */
  constructor(secret: string) {
    const bytes = Buffer.from(secret, "utf8");
    if (bytes.length < 32) throw new Error("VAULT_ENC_KEY must have at least 32 bytes");
    this.#key =
      bytes.length === 32 ? bytes : new Uint8Array(hkdfSync("sha256", bytes, "", "sluice vault v1", 32));
  }

  seal(plaintext: string | Uint8Array): Buffer {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv("aes-256-gcm", this.#key, iv);
    cipher.setAAD(AAD);
    const ciphertext = Buffer.concat([cipher.update(Buffer.from(plaintext)), cipher.final()]);
    return Buffer.concat([HEADER, iv, cipher.getAuthTag(), ciphertext]);
  }

  /** @throws when it was sealed under another key, or altered */
  open(sealed: Buffer): Buffer {
    if (!sealed.subarray(0, HEADER.length).equals(HEADER))
      throw new Error("a sealed secret has an unknown layout");
    const iv = sealed.subarray(HEADER.length, HEADER.length + IV_BYTES);
    const tagAt = HEADER.length + IV_BYTES;
    const decipher = createDecipheriv("aes-256-gcm", this.#key, iv, { authTagLength: GCM_TAG_BYTES });
    decipher.setAAD(AAD);
    decipher.setAuthTag(sealed.subarray(tagAt, tagAt + GCM_TAG_BYTES));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(tagAt + GCM_TAG_BYTES)), decipher.final()]);
    } catch (error) {
      throw new Error("a stored secret does not open: is VAULT_ENC_KEY the one it was written with?", {
        cause: error,
      });
    }
  }
}
