import { decodeTenant } from "./decode.js";
import type { VerifiedBytes } from "./verified-bytes.js";

/** Ids of the data keys by which a record's secrets are sealed. @throws BundleMalformed when that cannot be told */
export function sealingKeysOf(id: string, body: VerifiedBytes): readonly string[] {
  // Clusters have no secrets.
  if (!id.startsWith("tenant/")) return [];
  return decodeTenant(body).users.flatMap(({ sealedPassword, sealedVerifier }) =>
    [sealedPassword, sealedVerifier].flatMap((sealed) => (sealed === undefined ? [] : [sealed.keyId])),
  );
}
