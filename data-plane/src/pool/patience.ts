import type { ConnectVerdict } from "./connect-verdict.js";

/** How long clients wait for a database that was there a moment ago, before they are told: a restart takes seconds. */
const PATIENCE_MS = 5000;

/**
 * How long one has to have waited in order to be told that a server could not be opened. Undefined: nobody is told yet.
 * @param wasThere the database has been reached before
 */
export function toldAfterMs(
  verdict: ConnectVerdict,
  { anyOpen, wasThere }: { readonly anyOpen: boolean; readonly wasThere: boolean },
): number | undefined {
  switch (verdict) {
    case "starting":
      return undefined;
    case "crowded":
    case "limited":
      return anyOpen ? undefined : PATIENCE_MS;
    case "away":
      return wasThere ? PATIENCE_MS : 0;
    case "refused":
      return 0;
    default:
      return verdict satisfies never;
  }
}
