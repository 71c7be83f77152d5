import {
  notExpired,
  openKeyset,
  publicKeyFromRaw,
  type Signer,
  type TrustedKeyset,
} from "@sluice/shared/bundle";

/**
 * The keyset that data planes are sent, checked as they will check it: so a mistake shows at the start of the
 * control plane and not as a fleet of nacks.
 * @throws when it is not signed by the root keys, has expired, or does not list the key that signs here
 */
export function openOwnKeyset(
  envelope: Uint8Array,
  rootKeys: readonly Uint8Array[],
  signer: Signer,
  nowMs: number,
): TrustedKeyset {
  const keyset = notExpired(
    openKeyset(envelope, { keys: rootKeys.map(publicKeyFromRaw), threshold: 1 }),
    nowMs,
  );
  if (!keyset.configKeys.some(({ key }) => key.id === signer.keyId)) {
    throw new Error(
      `KEYSET_PATH: keyset ${keyset.version} does not list the key of CONFIG_KEY_PATH (${signer.keyId}); publish a keyset that does`,
    );
  }
  return keyset;
}
