import { create, toBinary } from "@bufbuild/protobuf";
import { BUNDLE_BOUNDS } from "./bounds.js";
import { EnvelopeSchema } from "./gen/sluice/bundle/v1/bundle_pb.js";
import { preAuthenticationEncoding } from "./pae.js";
import { PAYLOAD_TYPES, type PayloadKind } from "./payload-types.js";
import { BundleTooLarge } from "./refusal.js";
import type { Signer } from "./signing-keys.js";

/**
 * An encoded DSSE envelope: these bytes are stored, sent and kept on disk as they are.
 * @param signers one, or more where a threshold or a change of keys asks for it.
 * @throws BundleTooLarge for what no data plane would take.
 */
export async function signEnvelope(
  signers: Signer | readonly Signer[],
  kind: PayloadKind,
  payload: Uint8Array,
): Promise<Uint8Array> {
  const payloadType = PAYLOAD_TYPES[kind];
  const message = preAuthenticationEncoding(payloadType, payload);
  const signatures: { keyId: string; sig: Uint8Array }[] = [];
  for (const signer of Array.isArray(signers) ? (signers as readonly Signer[]) : [signers as Signer]) {
    signatures.push({ keyId: signer.keyId, sig: await signer.sign(message) });
  }
  const bytes = toBinary(EnvelopeSchema, create(EnvelopeSchema, { payloadType, payload, signatures }));
  if (bytes.length > BUNDLE_BOUNDS.envelopeBytes) {
    throw new BundleTooLarge(`the ${kind} envelope`, bytes.length, BUNDLE_BOUNDS.envelopeBytes);
  }
  return bytes;
}
