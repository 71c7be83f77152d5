import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { BUNDLE_BOUNDS } from "./bounds.js";
import { type Envelope, EnvelopeSchema } from "./gen/sluice/bundle/v1/bundle_pb.js";
import { preAuthenticationEncoding } from "./pae.js";
import { PAYLOAD_TYPES, type PayloadKind } from "./payload-types.js";
import { BundleMalformed, BundleTooLarge, PayloadTypeRefused, SignatureRefused } from "./refusal.js";
import type { PublicKey } from "./signing-keys.js";
import { asVerified, type VerifiedBytes } from "./verified-bytes.js";

/** Who must have signed: at least `threshold` different ones of these keys. */
export interface TrustedKeys {
  readonly keys: readonly PublicKey[];
  readonly threshold: number;
}

/**
 * The only way from an envelope to bytes that may be decoded. In this order: size, signatures, payload type.
 * Only the one encoding that `signEnvelope` writes is taken, so that no bit of it can change unseen.
 * @throws BundleTooLarge, BundleMalformed, SignatureRefused, PayloadTypeRefused
 */
export function verify<Kind extends PayloadKind>(
  envelope: Uint8Array,
  trusted: TrustedKeys,
  kind: Kind,
): VerifiedBytes<Kind> {
  if (envelope.length > BUNDLE_BOUNDS.envelopeBytes) {
    throw new BundleTooLarge("the envelope", envelope.length, BUNDLE_BOUNDS.envelopeBytes);
  }
  const { payloadType, payload, signatures } = decodeEnvelope(envelope);
  const message = preAuthenticationEncoding(payloadType, payload);
  const accepted = new Set<string>();
  for (const { keyId, sig } of signatures) {
    for (const key of trusted.keys) {
      // The key id only narrows the search (DSSE, "Multi-signature Verification"); keys are counted, not signatures.
      if (keyId !== key.id || accepted.has(key.id)) continue;
      if (key.verifies(message, sig)) accepted.add(key.id);
    }
  }
  if (trusted.threshold < 1 || accepted.size < trusted.threshold) {
    throw new SignatureRefused(
      `${accepted.size} of ${Math.max(1, trusted.threshold)} wanted; it claims ${claimed(signatures)}, trusted are ${trusted.keys.map((key) => key.id).join(", ") || "none"}`,
    );
  }
  if (payloadType !== PAYLOAD_TYPES[kind]) throw new PayloadTypeRefused(payloadType, PAYLOAD_TYPES[kind]);
  return asVerified<Kind>(payload);
}

function decodeEnvelope(bytes: Uint8Array): Envelope {
  let envelope: Envelope;
  try {
    envelope = fromBinary(EnvelopeSchema, bytes, { readUnknownFields: false });
  } catch (error) {
    throw new BundleMalformed("the envelope", undefined, error);
  }
  if (envelope.signatures.length > BUNDLE_BOUNDS.signatures) {
    throw new BundleMalformed("the envelope", `it has ${envelope.signatures.length} signatures`);
  }
  if (Buffer.compare(toBinary(EnvelopeSchema, envelope), bytes) !== 0) {
    throw new BundleMalformed("the envelope", "it is not encoded as it should be");
  }
  return envelope;
}

function claimed(signatures: Envelope["signatures"]): string {
  return signatures.map(({ keyId }) => JSON.stringify(keyId.slice(0, 32))).join(", ") || "none";
}
