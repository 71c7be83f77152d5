import { configKeysFor, type Signer, type TrustedKeyset } from "@sluice/shared/bundle";
import { KeyNotForScope } from "./publishing-failure.js";

/** With what is signed now: the two go together, and change together. */
export interface Signing {
  readonly signer: Signer;
  readonly keyset: TrustedKeyset;
}

/** Whose signatures the data planes of a scope take. */
export function keyIdsFor(scope: string, { keyset }: Signing): string[] {
  return configKeysFor(keyset, scope).keys.map(({ id }) => id);
}

/** @throws KeyNotForScope when the keyset does not let this key sign for the scope. */
export function checkMaySign(scope: string, signing: Signing): void {
  if (keyIdsFor(scope, signing).includes(signing.signer.keyId)) return;
  throw new KeyNotForScope(scope, signing.signer.keyId);
}
