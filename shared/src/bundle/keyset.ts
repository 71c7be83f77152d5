import { BUNDLE_BOUNDS } from "./bounds.js";
import { decodeKeyset } from "./decode.js";
import { encodeKeyset, type KeysetContent } from "./encode.js";
import { signEnvelope } from "./envelope.js";
import { BundleMalformed, KeysetExpired, KeysetOlder } from "./refusal.js";
import { type PublicKey, publicKeyFromRaw, type Signer } from "./signing-keys.js";
import { type TrustedKeys, verify } from "./verify.js";

/** Which keys may sign configuration, as the root keys have said. */
export interface TrustedKeyset {
  readonly version: bigint;
  /** Ms since the epoch. Past it nothing new is taken; serving goes on. */
  readonly expiresAtMs: number;
  /** The epoch in force. */
  readonly minEpoch: bigint;
  readonly configKeys: readonly { readonly key: PublicKey; readonly scopes: readonly string[] }[];
  /** The envelope as it came. */
  readonly envelope: Uint8Array;
}

export function signKeyset(rootSigners: readonly Signer[], content: KeysetContent): Promise<Uint8Array> {
  return signEnvelope(rootSigners, "keyset", encodeKeyset(content));
}

/**
 * The signature is checked, the expiry is not: see `notExpired`.
 * @throws BundleRefused
 */
export function openKeyset(envelope: Uint8Array, rootKeys: TrustedKeys): TrustedKeyset {
  const keyset = decodeKeyset(verify(envelope, rootKeys, "keyset"));
  if (keyset.version === 0n) throw new BundleMalformed("the keyset", "versions start at 1");
  if (keyset.configKeys.length > BUNDLE_BOUNDS.configKeys) {
    throw new BundleMalformed("the keyset", `it has ${keyset.configKeys.length} keys`);
  }
  return {
    version: keyset.version,
    expiresAtMs: Number(keyset.expiresAtMs),
    minEpoch: keyset.minEpoch,
    configKeys: keyset.configKeys.map(({ publicKey, scopes }) => ({
      key: publicKeyFromRaw(publicKey),
      scopes,
    })),
    envelope,
  };
}

/** The keys that may sign for a scope; one of them is enough. */
export function configKeysFor(keyset: TrustedKeyset, scope: string): TrustedKeys {
  return {
    keys: keyset.configKeys
      .filter(({ scopes }) => scopes.length === 0 || scopes.includes(scope))
      .map(({ key }) => key),
    threshold: 1,
  };
}

/** @throws KeysetExpired */
export function notExpired(keyset: TrustedKeyset, nowMs: number): TrustedKeyset {
  if (nowMs >= keyset.expiresAtMs) throw new KeysetExpired(keyset.version, new Date(keyset.expiresAtMs));
  return keyset;
}

/**
 * Whether `next` is the one held ("same") or may take its place ("newer").
 * @throws KeysetOlder when it is older, another one of the same version, or lowers the epoch.
 */
export function followsKeyset(held: TrustedKeyset | undefined, next: TrustedKeyset): "same" | "newer" {
  if (held === undefined) return "newer";
  if (next.version === held.version) {
    if (Buffer.compare(next.envelope, held.envelope) === 0) return "same";
    throw new KeysetOlder(`two keysets have version ${next.version}`);
  }
  if (next.version < held.version) {
    throw new KeysetOlder(`version ${next.version}, held is ${held.version}`);
  }
  if (next.minEpoch < held.minEpoch) {
    throw new KeysetOlder(`it lowers the epoch from ${held.minEpoch} to ${next.minEpoch}`);
  }
  return "newer";
}
