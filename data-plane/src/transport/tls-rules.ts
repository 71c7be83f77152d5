import { constants } from "node:crypto";
import type { SecureContextOptions } from "node:tls";

/** The oldest TLS that clients may speak. */
export type TlsFloor = "TLSv1.2" | "TLSv1.3";

/** PostgreSQL's registered name for ALPN (`PG_ALPN_PROTOCOL`). */
export const ALPN = "postgresql";

/** What all contexts for clients have in common. */
export function contextBase(floor: TlsFloor, clientCa: string | undefined): SecureContextOptions {
  return {
    minVersion: floor,
    // As PostgreSQL: no resumption, so that each session is bound to the certificate it was shown.
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
    honorCipherOrder: true,
    ...(clientCa === undefined ? {} : { ca: clientCa }),
  };
}

/** Of connections on which another data plane passes a cancel request on. */
export const PEER_ALPN = "sluice-cancel";
