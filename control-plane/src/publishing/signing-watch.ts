import { followsKeyset } from "@sluice/shared/bundle";
import { Lookout } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import type { Clock } from "@sluice/shared/time";
import type { Signing } from "./signing.js";

const INTERVAL_MS = 2000;

export interface SigningWatchOptions {
  /** What is in the files now. @throws when the two cannot be used, or do not go together */
  readonly read: () => Signing;
  readonly onChange: (signing: Signing) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Looks for another keyset, or another signing key, every 2 s: keys change without a restart.
 * @param signing the one that is in force.
 */
export function signingWatch(
  signing: Signing,
  { read, onChange, clock, logger }: SigningWatchOptions,
): Lookout {
  let inForce = signing;
  return new Lookout({
    ...{ clock, logger, intervalMs: INTERVAL_MS },
    complaint: "the keyset or the key that lies there now cannot be used: the ones before stay in force",
    look: () => {
      const next = read();
      const order = followsKeyset(inForce.keyset, next.keyset);
      if (order === "same" && next.signer.keyId === inForce.signer.keyId) return;
      inForce = next;
      const { version, minEpoch } = next.keyset;
      logger.info("keyset and key are in force", {
        keyset: String(version),
        epoch: String(minEpoch),
        signingKey: next.signer.keyId,
      });
      onChange(next);
    },
  });
}
