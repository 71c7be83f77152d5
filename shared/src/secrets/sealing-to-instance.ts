import type { KeyObject } from "node:crypto";
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import { rawNodePrivateKey } from "./node-key.js";
import { DATA_KEY_BYTES, type DataKey, withoutBar } from "./sealing.js";
import { KeyUnusable, SealBroken } from "./secret-failure.js";

/** Whom a data key is for. It opens with no other name. */
export interface InstancePlace {
  readonly scope: string;
  readonly group: string;
  readonly instance: string;
}

/** The fields of bundle.v1.SealedDataKey. */
export interface SealedDataKeyParts {
  readonly keyId: string;
  /** HPKE's encapsulated key, 32 bytes. */
  readonly enc: Uint8Array;
  readonly ciphertext: Uint8Array;
}

const KEM_BYTES = 32;

/** RFC 9180, base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. About 2 ms a seal. */
function suite(): CipherSuite {
  return new CipherSuite({
    kem: new DhkemX25519HkdfSha256(),
    kdf: new HkdfSha256(),
    aead: new Aes256Gcm(),
  });
}

/**
 * @param recipient raw X25519 public key, 32 bytes.
 * @throws KeyUnusable when the recipient is not such a key.
 */
export async function sealDataKey(
  dataKey: DataKey,
  place: InstancePlace,
  recipient: Uint8Array,
): Promise<SealedDataKeyParts> {
  const hpke = suite();
  try {
    const recipientPublicKey = await hpke.kem.importKey("raw", buffer(recipient), true);
    const sealed = await hpke.seal(
      { recipientPublicKey, info: context(place, dataKey.id) },
      buffer(dataKey.key),
    );
    return { keyId: dataKey.id, enc: new Uint8Array(sealed.enc), ciphertext: new Uint8Array(sealed.ct) };
  } catch (error) {
    throw new KeyUnusable("the instance's X25519 key", "a data key cannot be sealed to it", error);
  }
}

/** @throws SealBroken when it was sealed for another instance or key, or altered. */
export async function openDataKey(
  sealed: SealedDataKeyParts,
  place: InstancePlace,
  nodeKey: KeyObject,
): Promise<DataKey> {
  if (sealed.enc.length !== KEM_BYTES) throw new SealBroken("a data key");
  const hpke = suite();
  let key: Uint8Array;
  try {
    const recipientKey = await hpke.kem.importKey("raw", buffer(rawNodePrivateKey(nodeKey)), false);
    key = new Uint8Array(
      await hpke.open(
        { recipientKey, enc: buffer(sealed.enc), info: context(place, sealed.keyId) },
        buffer(sealed.ciphertext),
      ),
    );
  } catch (error) {
    throw new SealBroken("a data key", error);
  }
  if (key.length !== DATA_KEY_BYTES) throw new SealBroken("a data key");
  return { id: sealed.keyId, key };
}

function context(place: InstancePlace, keyId: string): ArrayBuffer {
  const parts = [place.scope, place.group, place.instance, keyId].map(withoutBar);
  return buffer(Buffer.from(`sluice keyring v1|${parts.join("|")}`, "utf8"));
}

/** A copy: WebCrypto takes whole ArrayBuffers, and a Buffer is often a part of a pooled one. */
function buffer(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  return copy;
}
