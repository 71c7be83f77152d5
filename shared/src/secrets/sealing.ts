import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from "node:crypto";
import { SealBroken } from "./secret-failure.js";

export const DATA_KEY_BYTES = 32;
/** 96 random bits, as NIST SP 800-38D 8.2.2: good for 2^32 fields under one data key. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** The key of a scope's secret fields. */
export interface DataKey {
  readonly id: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/** Where a sealed field belongs. It opens nowhere else. */
export interface FieldPlace {
  readonly scope: string;
  readonly tenant: string;
  /** For instance `users/alice/db_password`. The only part that may hold a `|`. */
  readonly field: string;
}

/** The fields of bundle.v1.SealedField. */
export interface SealedSecret {
  readonly keyId: string;
  readonly nonce: Uint8Array;
  /** Ciphertext followed by the 16-byte tag. */
  readonly ciphertext: Uint8Array;
}

export function makeDataKey(): DataKey {
  return { id: randomUUID(), key: randomBytes(DATA_KEY_BYTES) };
}

/** AES-256-GCM under the data key, bound to its place. */
export function sealField(dataKey: DataKey, place: FieldPlace, plaintext: string | Uint8Array): SealedSecret {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", dataKey.key, nonce);
  cipher.setAAD(associated(dataKey.id, place));
  const bytes = typeof plaintext === "string" ? Buffer.from(plaintext, "utf8") : plaintext;
  const ciphertext = Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
  return { keyId: dataKey.id, nonce, ciphertext };
}

/** As `openField`, of which nothing stays in memory. @throws SealBroken */
export function checkField(dataKey: DataKey, place: FieldPlace, sealed: SealedSecret): void {
  openField(dataKey, place, sealed).fill(0);
}

/** @throws SealBroken when the key, the place or the bytes are not those of `sealField`. */
export function openField(dataKey: DataKey, place: FieldPlace, sealed: SealedSecret): Buffer {
  const { nonce, ciphertext } = sealed;
  // Without these checks Node would take a tag of 4 bytes, which is guessed in no time.
  if (sealed.keyId !== dataKey.id || nonce.length !== NONCE_BYTES || ciphertext.length < TAG_BYTES) {
    throw new SealBroken("a sealed field");
  }
  const end = ciphertext.length - TAG_BYTES;
  const decipher = createDecipheriv("aes-256-gcm", dataKey.key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(associated(dataKey.id, place));
  decipher.setAuthTag(ciphertext.subarray(end));
  try {
    const plaintext = decipher.update(ciphertext.subarray(0, end));
    // GCM keeps nothing back; with a copy the first one would stay behind.
    decipher.final();
    return plaintext;
  } catch (error) {
    throw new SealBroken("a sealed field", error);
  }
}

/** `scope|tenant|field|key_id`, unambiguous since only the field may hold the bar. */
function associated(keyId: string, place: FieldPlace): Buffer {
  const { scope, tenant, field } = place;
  return Buffer.from(`${withoutBar(scope)}|${withoutBar(tenant)}|${field}|${withoutBar(keyId)}`, "utf8");
}

/** Text that can be a part of a `|`-joined context without two contexts reading the same. */
export function withoutBar(part: string): string {
  if (part.includes("|")) throw new SealBroken("a name with a | in it");
  return part;
}
