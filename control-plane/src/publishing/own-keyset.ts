import {
  notExpired,
  openKeyset,
  publicKeyFromRaw,
  type Signer,
  type TrustedKeyset,
} from "@sluice/shared/bundle";
import { messageOf } from "@sluice/shared/errors";
import { KeysetUnusable } from "./publishing-failure.js";

/**
 * The keyset that data planes are sent, checked as they will check it: so a mistake shows when the control plane
 * starts, and not as a fleet of nacks.
 * @throws KeysetUnusable when it is not signed by the root keys, has expired, or does not list the key that signs here.
 */
export function openOwnKeyset(
  envelope: Uint8Array,
  rootKeys: { readonly keys: readonly Uint8Array[]; readonly threshold: number },
  signer: Signer,
  nowMs: number,
): TrustedKeyset {
  const keyset = opened(envelope, rootKeys, nowMs);
  if (!keyset.configKeys.some(({ key }) => key.id === signer.keyId)) {
    const listed = keyset.configKeys.map(({ key }) => key.id).join(", ");
    throw new KeysetUnusable(
      `keyset ${keyset.version} does not list the key of CONFIG_KEY_PATH, ${signer.keyId} (it lists ${listed}); ` +
        "sign one that does with control-plane/dist/commands/change-keyset.js, or give the key that it lists",
    );
  }
  return keyset;
}

function opened(
  envelope: Uint8Array,
  { keys, threshold }: { readonly keys: readonly Uint8Array[]; readonly threshold: number },
  nowMs: number,
): TrustedKeyset {
  try {
    const keyset = openKeyset(envelope, { keys: keys.map(publicKeyFromRaw), threshold });
    return notExpired(keyset, nowMs);
  } catch (error) {
    throw new KeysetUnusable(
      `data planes that trust TRUST_ROOT_KEYS would refuse it: ${messageOf(error)}`,
      error,
    );
  }
}
