/**
 * DSSE v1 pre-authentication encoding: what is signed instead of the envelope, unambiguous without
 * canonicalisation (secure-systems-lab/dsse, protocol.md).
 */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType, "utf8");
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${type.length} `, "ascii"),
    type,
    Buffer.from(` ${payload.length} `, "ascii"),
    payload,
  ]);
}
