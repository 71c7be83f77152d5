import { createSecureContext } from "node:tls";
import { Lookout } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import type { Clock } from "@sluice/shared/time";

/** PEM. */
export interface TlsPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface CertificateWatchOptions {
  /** What is in the files now. @throws when there is nothing that can be used */
  readonly read: () => TlsPair;
  readonly onChange: (pair: TlsPair) => void;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Looks for a renewed certificate: whoever connects next is shown it, and open connections stay.
 * @param pair the one that is in force
 */
export function certificateWatch(pair: TlsPair, options: CertificateWatchOptions): Lookout {
  const { read, onChange, logger } = options;
  let inForce = pair;
  return new Lookout({
    ...options,
    complaint: "the stream's certificate that lies there now cannot be used: the one before stays",
    look: () => {
      const next = read();
      if (next.cert.equals(inForce.cert) && next.key.equals(inForce.key)) return;
      // Throws when the two do not belong together.
      createSecureContext({ ...next });
      onChange(next);
      inForce = next;
      logger.info("the stream's certificate was read again");
    },
  });
}
