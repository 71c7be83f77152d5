import type { X509Certificate } from "node:crypto";
import { isRegion, scopeOfRegion } from "@sluice/shared/bundle";
import { SluiceError } from "@sluice/shared/errors";
import type { Caller } from "./data-plane-token.js";

/** In SPIFFE's form, so that what issues identities to workloads can issue this one; the trust domain is the CA's matter. */
const IDENTITY = /^URI:spiffe:\/\/[A-Za-z0-9._-]+\/sluice\/group\/([^/]+)\/region\/([^/]+)$/;

export class CertificateRefused extends SluiceError {
  constructor(reason: string) {
    super({
      code: "ECERTIFICATEREFUSED",
      kind: "unauthenticated",
      clientMessage: `data-plane certificate refused: ${reason}`,
    });
  }
}

/**
 * The second way in: a client certificate whose chain was verified against STREAM_CLIENT_CA_PATH, and whose subject
 * alternative names hold one `spiffe://TRUST-DOMAIN/sluice/group/GROUP/region/REGION`.
 * @throws CertificateRefused
 */
export function callerOfCertificate(certificate: X509Certificate): Caller {
  const names = certificate.subjectAltName ?? "";
  // Node quotes a name that has a comma in it: such a one could pretend to be several.
  if (names.includes('"')) throw new CertificateRefused("a subject alternative name of it cannot be read");
  const identities = names.split(", ").flatMap((name) => {
    const [, group, region] = IDENTITY.exec(name) ?? [];
    return group === undefined || region === undefined ? [] : [{ group, region }];
  });
  const [identity, ...others] = identities;
  if (identity === undefined || others.length > 0) {
    throw new CertificateRefused(
      `it names ${identities.length} data planes; exactly one URI spiffe://DOMAIN/sluice/group/GROUP/region/REGION is needed`,
    );
  }
  const { group, region } = identity;
  if (!isRegion(group) || !isRegion(region)) {
    throw new CertificateRefused("its group or region cannot be used");
  }
  return {
    group,
    region,
    scope: scopeOfRegion(region),
    credential: `certificate ${certificate.fingerprint256}`,
    expiresAtMs: Date.parse(certificate.validTo),
  };
}
