declare const verifiedAs: unique symbol;

/**
 * Bytes whose signature was checked, directly (`verify`) or by a hash that stands in signed bytes (`checkChunk`,
 * and the records in a chunk). Decoders take nothing else, and nothing outside this folder makes one.
 */
export type VerifiedBytes<Kind extends string = "record"> = Uint8Array & { readonly [verifiedAs]: Kind };

/** Not exported by the folder. Every call stands beside the check that justifies it. */
export function asVerified<Kind extends string>(bytes: Uint8Array): VerifiedBytes<Kind> {
  return bytes as VerifiedBytes<Kind>;
}
